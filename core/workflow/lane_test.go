package workflow

import (
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestAKeyIsTheTextOfItsTemplateAndEmptyWhereThereIsNone(t *testing.T) {
	roots := map[string]value.Doc{"payload": value.TrustedDoc([]byte(`{"id":"a","n":12345678901234567890,"none":null,"object":{"id":1}}`))}
	for key, want := range map[string]string{
		`"{{payload.id}}"`: "a", `"{{payload.n}}"`: "12345678901234567890", `"x-{{payload.id}}"`: "x-a", `"all"`: "all",
		`"{{payload.missing}}"`: "", `"{{payload.missing.deeper}}-{{payload.id}}"`: "", `"{{payload.object}}"`: `{"id":1}`, `"{{payload.none}}"`: "",
		`"{{payload.missing ?? payload.id}}"`: "a",
	} {
		o, err := ParseOrdered([]byte(key), EventRoots)
		if err != nil {
			if !strings.Contains(key, "??") {
				t.Errorf("%s: %v", key, err)
			}
			continue
		}
		if got := PlacementKey(o.Key, roots); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

const twoCalls = `{"id":"w","steps":[{"id":"a","type":"shop","action":"buy"},{"id":"b","type":"shop","action":"send"}]}`

func TestAFailedRunIsParkedWithItsOriginalError(t *testing.T) {
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	m := startedMachine(t, twoCalls, at)
	goOn(t, m, at)
	apply(t, m, m.Failed("a", &sdk.Error{Code: sdk.CodeDeclined, Message: "no money", Outcome: sdk.OutcomeNotExecuted}, Repeat{}, at))
	goOn(t, m, at)
	if m.Status() != RunFailed {
		t.Fatalf("run is %s", m.Status())
	}
	event, ok := m.Park(time.Hour, at.Add(time.Hour))
	if !ok {
		t.Fatal("a failed run is not parked")
	}
	entry, err := DecodeEntry(EncodeEntry([]Event{event}))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, m, entry[0])
	f := m.Failure()
	if m.Status() != RunFailed || f.Err.Code != CodeParked || f.Step != "a" || !strings.Contains(f.Err.Message, "1h0m0s") || !strings.Contains(f.Err.Message, "declined: no money") {
		t.Errorf("run is %s: %+v", m.Status(), f)
	}
	if m.CanRetry() != nil {
		t.Error("a parked run cannot be retried")
	}
	apply(t, m, m.Retry(nil, at.Add(2*time.Hour)))
	if m.Status() != RunRunning {
		t.Errorf("a retried run is %s", m.Status())
	}
}

func TestARunThatStillRetriesIsParkedAfterItsCallUnderWay(t *testing.T) {
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	m := startedMachine(t, twoCalls, at)
	goOn(t, m, at)
	busy := &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
	apply(t, m, m.Failed("a", busy, Repeat{Safe: true}, at))
	later := at.Add(time.Hour)
	events, _ := m.FireTimers(later, func(string, string, value.Doc) (Repeat, bool) { return Repeat{Safe: true}, true })
	apply(t, m, events[0])
	event, ok := m.Park(time.Hour, later)
	if !ok {
		t.Fatal("it is not parked")
	}
	apply(t, m, event)
	goOn(t, m, later)
	if m.Status() != RunRunning || m.Idle() {
		t.Fatalf("its call is not waited for: %s", m.Status())
	}
	apply(t, m, m.Failed("a", busy, Repeat{Safe: true}, later))
	goOn(t, m, later)
	if f := m.Failure(); m.Status() != RunFailed || f.Err.Code != CodeParked || f.Step != "a" || !strings.Contains(f.Err.Message, "unavailable: busy") {
		t.Errorf("run is %s: %+v", m.Status(), f)
	}
	if _, again := m.Park(time.Hour, later); !again {
		t.Error("what has failed can be parked")
	}
}

func startedMachine(t *testing.T, raw string, at time.Time) *Machine {
	t.Helper()
	d, err := Parse([]byte(raw), InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(d, "run")
	apply(t, m, Event{Type: EventStarted, At: at, Roots: map[string]value.Doc{"input": value.TrustedDoc([]byte(`{}`))}})
	return m
}

func goOn(t *testing.T, m *Machine, at time.Time) {
	t.Helper()
	if _, _, err := m.Advance(at, &Turn{MaxEvents: 100, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
}
