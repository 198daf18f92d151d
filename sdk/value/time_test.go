package value

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func TestTimesHaveOneWidthAndTheirOrder(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 31, 23, 59, 59, 0, time.FixedZone("", 3600))
	var texts []string
	for _, after := range []time.Duration{0, 999_999, time.Millisecond, 100 * time.Millisecond, 123456789, time.Second, time.Hour} {
		text, err := json.Marshal(Time{first.Add(after)})
		if err != nil || len(text) != len(`"2026-01-31T22:59:59.000Z"`) {
			t.Errorf("%s, %v", text, err)
		}
		texts = append(texts, string(text))
	}
	if !slices.IsSorted(texts) || texts[0] != `"2026-01-31T22:59:59.000Z"` || texts[4] != `"2026-01-31T22:59:59.123Z"` {
		t.Errorf("%q", texts)
	}
	var back Time
	if err := json.Unmarshal([]byte(texts[4]), &back); err != nil || !back.Equal(first.Add(123*time.Millisecond)) {
		t.Errorf("%v, %v", back, err)
	}
	var zero struct {
		At Time `json:"at,omitzero"`
	}
	if text, err := json.Marshal(zero); err != nil || string(text) != `{}` {
		t.Errorf("%s, %v", text, err)
	}
}
