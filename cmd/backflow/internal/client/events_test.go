package client

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAnEventIsShownTheSameEachTime: its headers, then its payload.
func TestAnEventIsShownTheSameEachTime(t *testing.T) {
	event := json.RawMessage(`{"id":"evt_1","status":"processed","headers":{"x":"1"},"payload":{"a":1}}`)
	for range 20 {
		var out strings.Builder
		if err := WriteEvent(&out, event); err != nil {
			t.Fatal(err)
		}
		if headers, payload := strings.Index(out.String(), "HEADERS"), strings.Index(out.String(), "PAYLOAD"); headers < 0 || payload < headers {
			t.Fatalf("shown as\n%s", out.String())
		}
	}
}
