package workflow

import (
	"errors"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// fetching parses actions of a webhook that fetches.
func fetching(t *testing.T, steps string) *Definition {
	t.Helper()
	d, err := ParseActions("webhook:w", Actions{Steps: []byte(steps), Fetch: &Fetch{Integration: "vendor", Action: "about"}}, EventRoots)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// beginFetching starts a run of them for a payload.
func beginFetching(t *testing.T, d *Definition, payload string) *Machine {
	t.Helper()
	m := NewMachine(d, "run-1")
	apply(t, m, Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"payload": document(payload)}})
	advance(t, m)
	return m
}

// succeed ends the call at a path, and decides what follows.
func succeed(t *testing.T, m *Machine, path, result string) {
	t.Helper()
	apply(t, m, m.Succeeded(path, document(result), noon))
	advance(t, m)
}

// callAt returns the params of the call that is under way at a path.
func callAt(t *testing.T, m *Machine, path string) string {
	t.Helper()
	for _, call := range m.Calls() {
		if call.Path == path {
			return string(call.Params.Raw())
		}
	}
	t.Fatalf("step %s is not called: %+v", path, m.Calls())
	return ""
}

func TestWhatAnEventIsAboutIsFetchedBeforeAnythingElse(t *testing.T) {
	d := fetching(t, `[
	  { "id": "a", "type": "shop", "action": "save", "params": { "old": "{{payload.data.n}}", "new": "{{payload.fetched.n}}" }, "condition": "{{payload.fetched.n}} > 1" },
	  { "type": "shop", "action": "keep", "params": { "all": "{{payload}}" } },
	  { "id": "c", "type": "shop", "action": "save", "params": { "of": "{{steps.fetch.result.n}}" }, "dependsOn": [] }]`)
	m := beginFetching(t, d, `{"id":"evt_1","fetched":"its own","data":{"n":1}}`)
	if call := onlyCall(t, m); call.Integration != "vendor" || call.Action != "about" || string(call.Params.Raw()) != `{"event":{"data":{"n":1},"fetched":"its own","id":"evt_1"}}` {
		t.Errorf("first %+v", call)
	}
	succeed(t, m, FetchStep, `{"n":2.0}`)
	if got := callAt(t, m, "a"); got != `{"new":2.0,"old":1}` {
		t.Errorf("a is called with %s", got)
	}
	if got := callAt(t, m, "c"); got != `{"of":2.0}` {
		t.Errorf("c is called with %s", got)
	}
	succeed(t, m, "a", `{}`)
	if got := callAt(t, m, "step-2"); got != `{"all":{"data":{"n":1},"fetched":{"n":2.0},"id":"evt_1"}}` {
		t.Errorf("the second step is called with %s", got)
	}
	if got := string(m.Root("payload")); got != `{"id":"evt_1","fetched":"its own","data":{"n":1}}` {
		t.Errorf("the run began with %s", got)
	}
}

func TestADefinitionThatFetchesIsReadAsItWasStored(t *testing.T) {
	d := fetching(t, `[{ "id": "a", "type": "shop", "action": "save", "params": { "new": "{{payload.fetched}}" } }]`)
	again, err := Reparse(d.Raw, d.Roots(), d.Defaults)
	if err != nil || again.Hash != d.Hash || len(again.Steps.Steps) != 2 || again.Steps.Steps[0].Action != "about" {
		t.Errorf("%v: %+v", err, again)
	}
	plain, err := ParseActions("webhook:w", Actions{Steps: []byte(`[{ "id": "a", "type": "shop", "action": "save", "params": { "new": "{{payload.fetched}}" } }]`)}, EventRoots)
	if err != nil || plain.Hash == d.Hash {
		t.Errorf("%v: one that fetches nothing has the same hash", err)
	}
	if _, err := Parse(d.Raw, EventRoots); err == nil {
		t.Error("a workflow may fetch")
	}
}

func TestPayloadsWithoutMembersStayAsTheyAre(t *testing.T) {
	m := beginFetching(t, fetching(t, `[{ "id": "a", "type": "shop", "action": "save", "params": { "all": "{{payload}}", "first": "{{payload[0]}}" } }]`), `["x"]`)
	succeed(t, m, FetchStep, `{"n":2}`)
	if got := callAt(t, m, "a"); got != `{"all":["x"],"first":"x"}` {
		t.Errorf("called with %s", got)
	}
}

func TestAFetchThatFailsFailsTheRunAndNothingElseIsCalled(t *testing.T) {
	m := beginFetching(t, fetching(t, `[{ "id": "a", "type": "shop", "action": "save" }, { "id": "b", "type": "shop", "action": "save", "dependsOn": [] }]`), `{}`)
	apply(t, m, m.Failed(FetchStep, &sdk.Error{Code: sdk.CodeForbidden, Message: "no", Outcome: sdk.OutcomeNotExecuted}, Repeat{Safe: true}, noon))
	advance(t, m)
	if m.Status() != RunFailed || m.Failure().Step != FetchStep {
		t.Errorf("the run is %s: %+v", m.Status(), m.Failure())
	}
	for _, step := range m.Steps() {
		if step.Path != FetchStep && step.Attempts > 0 {
			t.Errorf("%s was called", step.Path)
		}
	}
}

// TestARetryFetchesAnew: what was fetched for the first try is old by then. What has
// succeeded is not done again, and what is left waits for it.
func TestARetryFetchesAnew(t *testing.T) {
	for name, steps := range map[string]string{
		"in order": `[{ "id": "a", "type": "shop", "action": "save" },
		  { "id": "b", "type": "shop", "action": "save", "params": { "n": "{{payload.fetched.n}}" } }]`,
		"in a group": `[{ "id": "a", "type": "shop", "action": "save" },
		  { "id": "g", "type": "sequence", "steps": [{ "id": "b", "type": "shop", "action": "save", "params": { "n": "{{payload.fetched.n}}" } }] }]`,
		"in the handler of a failure": `[{ "id": "a", "type": "shop", "action": "save" },
		  { "id": "f", "type": "fail", "message": "no", "onError": [{ "id": "b", "type": "shop", "action": "save", "params": { "n": "{{payload.fetched.n}}" } }] }]`,
	} {
		t.Run(name, func(t *testing.T) {
			m := beginFetching(t, fetching(t, steps), `{}`)
			succeed(t, m, FetchStep, `{"n":1}`)
			succeed(t, m, "a", `{}`)
			at := onlyCall(t, m).Path
			if got := callAt(t, m, at); got != `{"n":1}` {
				t.Errorf("the first try is with %s", got)
			}
			apply(t, m, m.Failed(at, &sdk.Error{Code: sdk.CodeRejected, Message: "no", Outcome: sdk.OutcomeNotExecuted}, Repeat{}, noon))
			advance(t, m)
			if m.Status() != RunFailed {
				t.Fatalf("the run is %s", m.Status())
			}
			apply(t, m, m.Retry(nil, later))
			advance(t, m)
			if call := onlyCall(t, m); call.Path != FetchStep {
				t.Fatalf("a retry begins with %s", call.Path)
			}
			succeed(t, m, FetchStep, `{"n":2}`)
			if call := onlyCall(t, m); call.Path != at || string(call.Params.Raw()) != `{"n":2}` {
				t.Errorf("the second try is %s with %s", call.Path, call.Params.Raw())
			}
			succeed(t, m, at, `{}`)
			if m.Status() != RunSucceeded {
				t.Errorf("the run is %s", m.Status())
			}
		})
	}
}

func TestAReplayFetchesAnewAndTakesOverWhatSucceeded(t *testing.T) {
	const steps = `[{ "type": "shop", "action": "first" }, { "type": "shop", "action": "second", "params": { "n": "{{payload.fetched.n}}" } }]`
	plain, err := ParseActions("webhook:w", Actions{Steps: []byte(strings.ReplaceAll(steps, ".fetched", ""))}, EventRoots)
	if err != nil {
		t.Fatal(err)
	}
	reads := func(_, action string) bool { return action == "about" }
	for name, c := range map[string]struct{ before, after *Definition }{
		"as before":             {fetching(t, steps), fetching(t, steps)},
		"it fetches since":      {plain, fetching(t, steps)},
		"it fetches no more":    {fetching(t, steps), plain},
		"it never has fetched":  {plain, plain},
		"under the same fetch":  {fetching(t, steps), fetching(t, strings.ReplaceAll(steps, "fetched.n", "fetched.m"))},
		"with a step behind it": {fetching(t, steps), fetching(t, strings.TrimSuffix(steps, "]")+`, { "type": "shop", "action": "third" }]`)},
	} {
		t.Run(name, func(t *testing.T) {
			ended := beginFetching(t, c.before, `{"n":0}`)
			if c.before.fetch != nil {
				succeed(t, ended, FetchStep, `{"n":1,"m":1}`)
			}
			succeed(t, ended, "step-1", `{}`)
			apply(t, ended, ended.Failed("step-2", &sdk.Error{Code: sdk.CodeRejected, Message: "no", Outcome: sdk.OutcomeNotExecuted}, Repeat{}, noon))
			advance(t, ended)

			m := NewMachine(c.after, "run-2")
			apply(t, m, Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"payload": document(`{"n":0}`)}})
			if _, refused := m.TakeOver(ended, reads, later); refused != nil {
				t.Fatal(refused)
			}
			advance(t, m)
			want := `{"n":0}`
			if c.after.fetch != nil {
				if call := onlyCall(t, m); call.Path != FetchStep {
					t.Fatalf("it begins with %s", call.Path)
				}
				succeed(t, m, FetchStep, `{"n":2,"m":2}`)
				want = `{"n":2}`
			}
			if call := onlyCall(t, m); call.Path != "step-2" || string(call.Params.Raw()) != want {
				t.Errorf("it goes on with %s of %s, want %s", call.Path, call.Params.Raw(), want)
			}
		})
	}
}

func TestSensitiveMembersOfWhatIsFetchedAreKeptOnlyWhereTheyAreRead(t *testing.T) {
	for path, want := range map[string]string{
		"{{payload.id}}":                         `{"n":1}`,
		"{{payload.fetched.n}}":                  `{"n":1}`,
		"{{payload.fetched.secret}}":             `{"n":1,"secret":"s"}`,
		"{{payload.fetched}}":                    `{"n":1,"secret":"s"}`,
		"{{payload}}":                            `{"n":1,"secret":"s"}`,
		"{{steps.fetch.result.secret}}":          `{"n":1,"secret":"s"}`,
		"{{payload.data.fetched}} {{payload.a}}": `{"n":1}`,
	} {
		m := beginFetching(t, fetching(t, `[{ "id": "a", "type": "shop", "action": "save", "params": { "x": "`+path+`" } }]`), `{"id":"e"}`)
		event := m.Conceal(m.Succeeded(FetchStep, document(`{"n":1,"secret":"s"}`), noon), []string{"secret"})
		if got := string(event.Result.Raw()); got != want {
			t.Errorf("%s: kept is %s, want %s", path, got, want)
		}
	}
}

func TestAnotherStepCannotHaveTheIDOfTheOneThatFetches(t *testing.T) {
	_, err := ParseActions("webhook:w", Actions{Steps: []byte(`[{ "id": "fetch", "type": "shop", "action": "save" }]`), Fetch: &Fetch{Integration: "vendor", Action: "about"}}, EventRoots)
	var faults template.Faults
	if !errors.As(err, &faults) || faults[0].Pointer != "/0/id" || !strings.Contains(faults[0].Message, `"fetch"`) {
		t.Errorf("got %v", err)
	}
}
