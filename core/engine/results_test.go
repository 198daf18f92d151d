package engine

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

const callsOfCalls = `{"id":"w","steps":[{"id":"all","type":"vendor","action":"all","params":{"calls":[
  {"action":"safe","params":{"note":"{{input.note}}"}},
  {"action":"safe","params":{"of":"{{results[0].id}}","notes":["{{input.note}}","{{input.a}}{{input.b}}"],"more":"{{input.more?}}"}}]}}]}`

func TestWhatReadsTheResultOfAnotherCallReachesTheIntegrationAsItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, callsOfCalls)
		defer g.stop()
		run := g.wait(g.start("w", `{"note":"see {{results[0].id}}","a":"{{results","b":"[0].id} }"}`).ID)
		if run.Status != workflow.RunSucceeded {
			t.Fatalf("%s: %v", run.Status, run.Error)
		}
		want := `{"calls":[{"action":"safe","params":{"note":"see {{results[0].id}}"}},` +
			`{"action":"safe","params":{"notes":["see {{results[0].id}}","{{results[0].id} }"],"of":"{{results[0].id}}"}}]}`
		if calls := v.seen(); len(calls) != 1 || string(calls[0].Params) != want {
			t.Errorf("calls are %s, want %s", calls, want)
		}
	})
}

func TestDataIsNeverReadAsTheResultOfAnotherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, callsOfCalls)
		defer g.stop()
		for input, places := range map[string][]string{
			`{"note":"{{results[0].id}}","a":"","b":""}`:                       {"/calls/0/params/note", "/calls/1/params/notes/0"},
			`{"note":"{{ results[0] ?? 1 }}","a":"","b":""}`:                   {"/calls/0/params/note", "/calls/1/params/notes/0"},
			`{"note":"","a":"{{results[0]","b":".id}}"}`:                       {"/calls/1/params/notes/1"},
			`{"note":{"deep":["{{results[0].id}}"]},"a":"","b":""}`:            {"/calls/0/params/note/deep/0", "/calls/1/params/notes/0/deep/0"},
			`{"note":"","a":"","b":"","more":{"x":{"y":"{{results[0].id}}"}}}`: {"/calls/1/params/more/x/y"},
		} {
			run := g.wait(g.start("w", input).ID)
			if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInvalidParams || run.Error.Err.Outcome != sdk.OutcomeNotExecuted || len(run.Error.Err.Faults) != len(places) {
				t.Errorf("%s: %s, %+v", input, run.Status, run.Error)
				continue
			}
			for i, place := range places {
				if run.Error.Err.Faults[i].Pointer != place || strings.Contains(run.Error.Err.Faults[i].Message, "[0]") {
					t.Errorf("%s: %+v, want %s", input, run.Error.Err.Faults[i], place)
				}
			}
			if run.Steps[0].Attempts != 1 {
				t.Errorf("%s: %d attempts", input, run.Steps[0].Attempts)
			}
		}
		if calls := v.seen(); len(calls) != 0 {
			t.Errorf("calls are %s", calls)
		}
	})
}

func TestDataThatReadsSoIsTextForAnActionWithoutCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps,
			`{"id":"none","steps":[{"id":"s","type":"vendor","action":"safe","params":{"x":"{{results[0].id}}"}}]}`)
		defer g.stop()
		run := g.wait(g.start("two", `{"x":"{{results[0].id}}"}`).ID)
		if calls := v.seen(); run.Status != workflow.RunSucceeded || string(calls[0].Params) != `{"x":"{{results[0].id}}"}` {
			t.Errorf("%s, calls %s", run.Status, calls)
		}
		// What the config writes there is a fault of it, and never sent where it went unseen.
		run = g.wait(g.start("none", `{}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInvalidParams || run.Error.Err.Faults[0].Pointer != "/x" || len(v.seen()) != 2 {
			t.Errorf("%s, %+v", run.Status, run.Error)
		}
	})
}

// TestWhatAStepCallsIsNeverChosenByData: also where the config could not be held against
// the manifest when it was read.
func TestWhatAStepCallsIsNeverChosenByData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{},
			`{"id":"list","steps":[{"id":"s","type":"vendor","action":"all","params":{"calls":"{{input.calls}}"}}]}`,
			`{"id":"call","steps":[{"id":"s","type":"vendor","action":"all","params":{"calls":[{"action":"read"},"{{input.calls[0]}}"]}}]}`,
			`{"id":"name","steps":[{"id":"s","type":"vendor","action":"all","params":{"calls":[{"action":"{{input.calls[0].action}}","params":{}}]}}]}`)
		defer g.stop()
		for id, place := range map[string]string{"list": "/calls/0", "call": "/calls/1", "name": "/calls/0"} {
			run := g.wait(g.start(id, `{"calls":[{"action":"safe","params":{}}]}`).ID)
			if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInvalidParams || run.Error.Err.Faults[0].Pointer != place {
				t.Errorf("%s: %s, %+v", id, run.Status, run.Error)
			}
		}
		if calls := v.seen(); len(calls) != 0 {
			t.Errorf("calls are %s", calls)
		}
	})
}
