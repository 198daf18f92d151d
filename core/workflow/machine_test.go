package workflow

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const processOrder = `{
  "id": "process-order",
  "steps": [
    { "id": "create-customer", "type": "integration", "integration": "stripe", "action": "createCustomer",
      "params": { "email": "{{input.email}}", "name": "{{input.name}}" } },
    { "id": "create-payment", "type": "integration", "integration": "stripe", "action": "createPaymentIntent",
      "params": { "customer": "{{steps.create-customer.result.id}}", "amount": "{{input.amount}}", "currency": "usd" } }
  ]
}`

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later = noon.Add(time.Hour) // when every retry is due
)

// retryDue returns the one event of a retry that is due.
func retryDue(t *testing.T, m *Machine, repeat Repeat, now time.Time) Event {
	t.Helper()
	events, _ := m.FireTimers(now, func(string, string, value.Doc) (Repeat, bool) { return repeat, true })
	if len(events) != 1 {
		t.Fatalf("%d events are due, want 1", len(events))
	}
	return events[0]
}

func document(text string) value.Doc { return value.TrustedDoc([]byte(text)) }

func parse(t *testing.T, raw string) *Definition {
	t.Helper()
	d, err := Parse([]byte(raw), InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// begin starts a machine with an input and returns it with the events so far.
func begin(t *testing.T, raw, input string) (*Machine, []Event) {
	t.Helper()
	m := NewMachine(parse(t, raw), "run-1")
	started := Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"input": document(input)}}
	apply(t, m, started)
	return m, append([]Event{started}, advance(t, m)...)
}

// sameText compares documents by their text.
var sameText = cmp.Transformer("Raw", func(d value.Doc) string { return string(d.Raw()) })

// sameSteps compares the states of steps of two parses of one definition.
var sameSteps = cmp.Options{
	sameText,
	cmp.AllowUnexported(StepState{}),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Step" }, cmp.Ignore()),
}

func apply(t *testing.T, m *Machine, event Event) {
	t.Helper()
	if err := m.Apply(event); err != nil {
		t.Fatal(err)
	}
}

// everything is a turn without bounds.
func everything() *Turn { return &Turn{MaxEvents: math.MaxInt, MaxBytes: math.MaxInt} }

func advance(t *testing.T, m *Machine) []Event {
	t.Helper()
	events, _, err := m.Advance(noon, everything())
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// onlyCall returns the one call that is to be under way.
func onlyCall(t *testing.T, m *Machine) Call {
	t.Helper()
	calls := m.Calls()
	if len(calls) != 1 {
		t.Fatalf("%d calls are to be under way, want 1", len(calls))
	}
	return calls[0]
}

func TestTheSeedWorkflowCallsTwoActionsTheSecondWithTheFirstsResult(t *testing.T) {
	m, _ := begin(t, processOrder, `{"email":"a@b.c","name":"Ann","amount":12345678901234567890}`)

	first := onlyCall(t, m)
	if got, want := string(first.Params.Raw()), `{"email":"a@b.c","name":"Ann"}`; got != want {
		t.Errorf("params of the first call = %s, want %s", got, want)
	}
	apply(t, m, m.Succeeded(first.Path, document(`{"id":"cus_1","object":"customer"}`), noon))
	advance(t, m)

	second := onlyCall(t, m)
	if got, want := string(second.Params.Raw()), `{"amount":12345678901234567890,"currency":"usd","customer":"cus_1"}`; got != want {
		t.Errorf("params of the second call = %s, want %s", got, want)
	}
	if first.Key == second.Key || first.Key == "" {
		t.Errorf("the keys of two steps are %q and %q", first.Key, second.Key)
	}
	apply(t, m, m.Succeeded(second.Path, document(`{"id":"pi_1"}`), noon))
	advance(t, m)
	if m.Status() != RunSucceeded {
		t.Errorf("status = %s, want %s", m.Status(), RunSucceeded)
	}
}

func TestTheSameJournalGivesTheSameState(t *testing.T) {
	m, events := begin(t, processOrder, `{"email":"a@b.c","name":"Ann","amount":5}`)
	record := func(event Event) {
		apply(t, m, event)
		events = append(append(events, event), advance(t, m)...)
	}
	safe := Repeat{Safe: true}
	record(m.Failed("create-customer", &sdk.Error{Code: sdk.CodeTimeout, Message: "slow", Retryable: true}, safe, noon))
	record(retryDue(t, m, safe, later))
	record(m.Succeeded("create-customer", document(`{"id":"cus_1"}`), noon))

	replayed := NewMachine(parse(t, processOrder), "run-1")
	for _, event := range events {
		decoded, err := DecodeEntry(EncodeEntry([]Event{event}))
		if err != nil {
			t.Fatal(err)
		}
		apply(t, replayed, decoded[0])
	}
	if diff := cmp.Diff(m.Calls(), replayed.Calls(), sameText); diff != "" {
		t.Errorf("the calls under way differ (-before +replayed):\n%s", diff)
	}
	if diff := cmp.Diff(m.Steps(), replayed.Steps(), sameSteps); diff != "" {
		t.Errorf("the steps differ (-before +replayed):\n%s", diff)
	}
	if events := advance(t, replayed); len(events) != 0 {
		t.Errorf("a replayed machine decides again: %v", events)
	}
}

func TestAStepWhoseConditionIsFalseIsSkipped(t *testing.T) {
	const definition = `{"id":"w","steps":[
	  {"id":"a","type":"stripe","action":"x","condition":"{{input.type}} === 'paid'"},
	  {"id":"b","type":"stripe","action":"y"}]}`
	m, _ := begin(t, definition, `{"type":"x' === 'x' || '1"}`)
	if got := m.Steps()[0].Status; got != StepSkipped {
		t.Errorf("status = %s, want %s", got, StepSkipped)
	}
	if call := onlyCall(t, m); call.Path != "b" {
		t.Errorf("the run went on with %s, want b", call.Path)
	}
}

func TestAMissingPathFailsTheStepAndNamesItself(t *testing.T) {
	m, _ := begin(t, processOrder, `{"email":"a@b.c"}`)
	if m.Status() != RunFailed {
		t.Fatalf("status = %s, want %s", m.Status(), RunFailed)
	}
	failure := m.Failure()
	if failure.Step != "create-customer" || failure.Integration != "" {
		t.Errorf("the failure is of step %q and integration %q", failure.Step, failure.Integration)
	}
	if failure.Err.Outcome != sdk.OutcomeNotExecuted || !strings.Contains(failure.Err.Message, "input.name") {
		t.Errorf("error = %+v", failure.Err)
	}
	if m.Steps()[0].Attempts != 0 {
		t.Errorf("attempts = %d, want 0: nothing was called", m.Steps()[0].Attempts)
	}
}

func TestWhatBecomesOfAFailedCall(t *testing.T) {
	var (
		declined    = sdk.Error{Code: sdk.CodeDeclined, Final: true}
		unreachable = sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeNotExecuted}
		timeout     = sdk.Error{Code: sdk.CodeTimeout, Retryable: true, Outcome: sdk.OutcomeUnknown}
		replayed5xx = sdk.Error{Code: sdk.CodeUpstream, Retryable: true, Final: true}
		rejected    = sdk.Error{Code: sdk.CodeRejected, Outcome: sdk.OutcomeNotExecuted}
	)
	tests := map[string]struct {
		err      sdk.Error
		repeat   Repeat
		attempts int // made before this one
		want     EventType
		code     sdk.Code
	}{
		"a decline is final":                                {err: declined, repeat: Repeat{Safe: true}, want: EventFailed, code: sdk.CodeDeclined},
		"a 5xx that is a replay is final":                   {err: replayed5xx, repeat: Repeat{Safe: true}, want: EventFailed, code: sdk.CodeUpstream},
		"a refusal is not repeated":                         {err: rejected, repeat: Repeat{Safe: true}, want: EventFailed, code: sdk.CodeRejected},
		"an unknown outcome is repeated where it is safe":   {err: timeout, repeat: Repeat{Safe: true}, want: EventAttemptFailed, code: sdk.CodeTimeout},
		"an unknown outcome is not repeated without a key":  {err: timeout, want: EventFailed, code: sdk.CodeOutcomeUnknown},
		"what was not executed is repeated without a key":   {err: unreachable, want: EventAttemptFailed, code: sdk.CodeUnavailable},
		"nothing is repeated past the lifetime of the key":  {err: timeout, repeat: Repeat{Safe: true, KeyLifetime: time.Nanosecond}, want: EventFailed, code: sdk.CodeOutcomeUnknown},
		"a forgotten key does not matter to what never ran": {err: unreachable, repeat: Repeat{Safe: true, KeyLifetime: time.Nanosecond}, want: EventAttemptFailed, code: sdk.CodeUnavailable},
		"attempts come to an end":                           {err: timeout, repeat: Repeat{Safe: true}, attempts: DefaultRetry.MaxAttempts - 1, want: EventFailed, code: sdk.CodeTimeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"}]}`, `{}`)
			for range test.attempts {
				apply(t, m, m.Failed("a", &unreachable, Repeat{Safe: true}, noon))
				apply(t, m, retryDue(t, m, Repeat{Safe: true}, later))
			}
			event := m.Failed("a", &test.err, test.repeat, noon)
			if event.Type != test.want || event.Error.Code != test.code {
				t.Errorf("event = %s with %s, want %s with %s", event.Type, event.Error.Code, test.want, test.code)
			}
		})
	}
}

func TestAnEarlierUnknownOutcomeIsNotForgotten(t *testing.T) {
	m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"}]}`, `{}`)
	day := Repeat{Safe: true, KeyLifetime: 24 * time.Hour}
	apply(t, m, m.Failed("a", &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}, day, noon))
	apply(t, m, retryDue(t, m, day, later))
	unreachable := &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeNotExecuted}

	if event := m.Failed("a", unreachable, day, noon.Add(25*time.Hour)); event.Error.Code != sdk.CodeOutcomeUnknown {
		t.Errorf("code = %s, want %s", event.Error.Code, sdk.CodeOutcomeUnknown)
	}
	apply(t, m, m.Failed("a", unreachable, day, noon))
	if event := retryDue(t, m, day, noon.Add(25*time.Hour)); event.Type != EventFailed || event.Error.Code != sdk.CodeOutcomeUnknown {
		t.Errorf("woken after a day: %s", event.Type)
	}
}

func TestACrashSpendsNoAttemptAndRepeatsOnlyWhereItIsSafe(t *testing.T) {
	m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"}]}`, `{}`)
	if _, ended := m.Interrupted("a", Repeat{Safe: true, KeyLifetime: 24 * time.Hour}, noon.Add(time.Hour)); ended {
		t.Error("a call that can be repeated was ended")
	}
	if call := onlyCall(t, m); call.Attempt != 1 {
		t.Errorf("attempt = %d, want 1", call.Attempt)
	}
	for name, repeat := range map[string]Repeat{
		"no key":        {},
		"forgotten key": {Safe: true, KeyLifetime: time.Minute},
	} {
		event, ended := m.Interrupted("a", repeat, noon.Add(time.Hour))
		if !ended || event.Error.Code != sdk.CodeOutcomeUnknown {
			t.Errorf("%s: ended = %v", name, ended)
		}
	}
}

func TestRetriesWaitLongerAndNoLongerThanAsked(t *testing.T) {
	policy := DefaultRetry
	for attempt := 1; attempt < 200; attempt++ {
		interval := policy.MaxInterval
		if attempt < 12 {
			interval = min(interval, policy.InitialInterval<<(attempt-1))
		}
		if d := policy.delay(attempt, "key"); d < interval/2 || d > interval {
			t.Fatalf("delay after attempt %d = %s, want between %s and %s", attempt, d, interval/2, interval)
		}
	}
	first, again := policy.delay(3, "key"), policy.delay(3, "key")
	if first != again || first == policy.delay(3, "other") {
		t.Error("jitter must come from the key alone")
	}
	m, _ := begin(t, `{"id":"w","steps":[{"id":"a","type":"stripe","action":"x"}]}`, `{}`)
	event := m.Failed("a", &sdk.Error{Code: sdk.CodeRateLimited, Retryable: true, RetryAfter: time.Hour}, Repeat{Safe: true}, noon)
	if got := event.RetryAt.Sub(noon); got != time.Hour {
		t.Errorf("the vendor asked for an hour, the retry comes after %s", got)
	}
}

func TestEventsThatCannotFollowAreRefused(t *testing.T) {
	m, _ := begin(t, processOrder, `{"email":"a@b.c","name":"Ann","amount":5}`)
	for name, event := range map[string]Event{
		"started twice":         {Type: EventStarted},
		"unknown step":          {Type: EventSucceeded, Path: "nope"},
		"result before the try": {Type: EventSucceeded, Path: "create-payment"},
		"scheduled twice":       {Type: EventScheduled, Path: "create-customer"},
		"retried while running": {Type: EventRetried, Path: "create-customer"},
		"unknown type":          {Type: "surprise", Path: "create-customer"},
	} {
		if err := m.Apply(event); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
	apply(t, m, Event{Type: EventEnded, Status: RunFailed, At: noon})
	if err := m.Apply(Event{Type: EventEnded, Status: RunSucceeded, At: noon}); err == nil {
		t.Error("an end state was written twice")
	}
}

func TestKeysOfDifferentStepsNeverMeet(t *testing.T) {
	keys := map[string]string{}
	for _, in := range [][2]string{{"r", "ab"}, {"ra", "b"}, {"rab", ""}, {"", "rab"}, {"r", "a"}} {
		key := StepKey(in[0], in[1], 0)
		if before, taken := keys[key]; taken {
			t.Errorf("%q has the key of %q", in, before)
		}
		keys[key] = in[0] + "|" + in[1]
	}
	if StepKey("r", "a", 0) == StepKey("r", "a", 1) {
		t.Error("a new generation has the old key")
	}
	// A change of the derivation would make every run under way send its
	// effects a second time, under other keys.
	const recorded = "eaa2e1fc605cbdf3266a808c2f2ecbe3261ccd9995d85489fec5b58ac37e447c"
	if got := StepKey("run-1", "create-customer", 0); got != recorded {
		t.Errorf("key = %q, want %q as ever", got, recorded)
	}
}

func FuzzDecodeEntryNeverPanics(f *testing.F) {
	f.Add(EncodeEntry([]Event{{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"input": document(`{}`)}}}))
	f.Add(fmt.Appendf(nil, `{"v":%d,"events":[]}`, journalVersion+1))
	f.Add([]byte(`{"v":1,"events":[{"type":"failed","path":"a","error":null}]}`))
	d, err := Parse([]byte(processOrder), InputRoots)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := DecodeEntry(data)
		if err != nil {
			return
		}
		m := NewMachine(d, "run-1")
		for _, event := range events {
			if m.Apply(event) != nil {
				return
			}
		}
		if _, _, err := m.Advance(noon, everything()); err != nil {
			return
		}
		m.Calls()
		m.WaitUntil()
		m.Status()
	})
}

func TestAJournalOfANewerFormatIsRefused(t *testing.T) {
	if _, err := DecodeEntry(fmt.Appendf(nil, `{"v":%d,"events":[]}`, journalVersion+1)); err == nil {
		t.Error("a newer format was read")
	}
}
