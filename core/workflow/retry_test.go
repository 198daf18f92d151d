package workflow

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

func TestTheDefaultRetriesOutlastAnHoursOutage(t *testing.T) {
	least, most := window(DefaultRetry)
	if least <= time.Hour {
		t.Errorf("the last attempt may come %s after the first", least)
	}
	m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"}]}`, `{}`)
	now, attempts := noon, 1
	for {
		event := m.Failed("a", &sdk.Error{Code: sdk.CodeUpstream, Retryable: true}, Repeat{Safe: true}, now)
		apply(t, m, event)
		if event.Type == EventFailed {
			break
		}
		now = event.RetryAt
		attempts++
		apply(t, m, Event{Type: EventRetried, Path: "a", At: now})
	}
	if window := now.Sub(noon); attempts != DefaultRetry.MaxAttempts || window < least || window > most {
		t.Errorf("%d attempts over %s, want %d over %s to %s", attempts, window, DefaultRetry.MaxAttempts, least, most)
	}
	page, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, stated := range []string{
		fmt.Sprintf(`"maxAttempts": %d, "initialInterval": "500ms", "maxInterval": "5m", "multiplier": 2`, DefaultRetry.MaxAttempts),
		fmt.Sprintf("Their %d intervals add up to at least %d minutes and at most %d minutes", attempts-1, int(least.Minutes()), int(most.Minutes())),
	} {
		if !strings.Contains(text, stated) {
			t.Errorf("docs/workflows.md does not state %q", stated)
		}
	}
}

func TestADefinitionKeepsTheDefaultsThatItWasStoredWith(t *testing.T) {
	raw := []byte(`{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"},
		{"id":"b","type":"stripe","action":"x","retry":{"maxAttempts":3,"maxInterval":"7s"}}]}`)
	now, err := Parse(raw, InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	before, err := Reparse(raw, InputRoots, FirstDefaults)
	if err != nil {
		t.Fatal(err)
	}
	none, err := Reparse(raw, InputRoots, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := before.Steps.Steps[0].Retry; got.MaxAttempts != 10 || got.MaxInterval != time.Minute {
		t.Errorf("an old definition retries by %+v", got)
	}
	if none.Steps.Steps[0].Retry.MaxAttempts != 10 || none.Hash != before.Hash {
		t.Error("a definition that was stored without a number has other defaults than the first")
	}
	if got := now.Steps.Steps[0].Retry; got.MaxAttempts != DefaultRetry.MaxAttempts {
		t.Errorf("a new definition retries by %+v", got)
	}
	if now.Hash == before.Hash {
		t.Error("storing the new definition would change the defaults of old runs")
	}
	for _, d := range []*Definition{now, before} {
		if got := d.Steps.Steps[1].Retry; got.MaxAttempts != 3 || got.MaxInterval != 7*time.Second || got.Multiplier != 2 {
			t.Errorf("what a definition says itself reads as %+v", got)
		}
	}
}

// window is how long after the first attempt the last one comes, at the least and at
// the most: jitter is the upper half of each interval. What the calls themselves take
// is not in it.
func window(p RetryPolicy) (least, most time.Duration) {
	for attempt := 1; attempt < p.MaxAttempts; attempt++ {
		most += time.Duration(p.interval(attempt))
	}
	return most / 2, most
}

func TestDelaysSayHowOftenAndWhenAStepIsCalledAgain(t *testing.T) {
	delays := []time.Duration{5 * time.Second, 5 * time.Minute, time.Hour}
	m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x","retry":{"delays":["5s","5m","1h"]}}]}`, `{}`)
	now := noon
	for i, delay := range delays {
		event := m.Failed("a", &sdk.Error{Code: sdk.CodeUpstream, Retryable: true}, Repeat{Safe: true}, now)
		if event.Type != EventAttemptFailed {
			t.Fatalf("attempt %d of %d is the last", i+1, len(delays)+1)
		}
		if wait := event.RetryAt.Sub(now); wait < delay || wait > delay+delay/10 {
			t.Errorf("after attempt %d it waits %s, want %s and a tenth more at most", i+1, wait, delay)
		}
		apply(t, m, event)
		now = event.RetryAt
		apply(t, m, Event{Type: EventRetried, Path: "a", At: now})
	}
	if event := m.Failed("a", &sdk.Error{Code: sdk.CodeUpstream, Retryable: true}, Repeat{Safe: true}, now); event.Type != EventFailed {
		t.Errorf("after the last delay and attempt: %s", event.Type)
	}
}

func TestDelaysAreCheckedWithTheirPlace(t *testing.T) {
	for retry, want := range map[string]string{
		`{"delays":[]}`:                     `/steps/0/retry/delays: at byte 0: delays must be a list of 1 to 100 durations`,
		`{"delays":"5s"}`:                   `delays must be a list`,
		`{"delays":["5s","soon"]}`:          `/steps/0/retry/delays/1: `,
		`{"delays":["0s"]}`:                 `/steps/0/retry/delays/0: `,
		`{"delays":["5s"],"maxAttempts":3}`: `delays says how often the step is called, and when: there is no maxAttempts beside it`,
		`{"delay":["5s"]}`:                  `did you mean "delays"?`,
		`{"delays":["5s"],"nonRetryable":["timeout"],"x":1}`: `unknown key "x"`,
	} {
		_, err := Parse([]byte(`{"id":"w","steps":[{"id":"a","type":"stripe","action":"x","retry":`+retry+`}]}`), InputRoots)
		if err == nil || !strings.Contains(fmt.Sprintf("%v", err), want) {
			t.Errorf("%s: %v, want %q", retry, err, want)
		}
	}
}
