package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// dying is a store under a gateway that dies at one of its commits to a journal.
type dying struct {
	*memory.Store
	left    atomic.Int64 // commits until then
	applied bool         // that commit is applied
	die     func()
}

func (d *dying) Commit(ctx context.Context, ops ...state.Op) error {
	writes := false
	for _, op := range ops {
		writes = writes || op.Kind == state.KindAppend
	}
	if !writes || d.left.Add(-1) != 0 {
		return d.Store.Commit(ctx, ops...)
	}
	if d.applied {
		if err := d.Store.Commit(ctx, ops...); err != nil {
			return err
		}
	}
	d.die()
	return state.ErrClosed
}

// largeTurn has 40 steps of the size of its input in one turn, in which a call and a
// child begin.
const largeTurn = `{"id":"large","steps":[
  {"id":"pay","type":"vendor","action":"unsafe"},
  {"id":"p","type":"parallel","steps":[
    {"id":"e","type":"foreach","items":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40],
     "steps":[{"id":"s","type":"set","values":{"v":"{{input.text}}"}}]},
    {"id":"c","type":"workflow","workflow":"inner"},
    {"id":"tell","type":"vendor","action":"safe"}]}],
  "output":{"n":"{{steps.pay.result.n}}"}}`

const innerWorkflow = `{"id":"inner","steps":[{"id":"in","type":"vendor","action":"safe"}]}`

func textInput(size int) string { return fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", size)) }

func TestATurnOfAnySizeIsRecordedInEntriesOfBoundedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, largeTurn, innerWorkflow)
		defer g.stop()
		run := g.wait(g.start("large", textInput(150_000)).ID)
		if run.Status != workflow.RunSucceeded || string(run.Output) != `{"n":1}` {
			t.Fatalf("run = %s, %s", run.Status, run.Output)
		}
		entries, err := store.Journal(t.Context(), run.ID, 0, 10_000)
		if err != nil || len(entries) < 5 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for i, entry := range entries {
			if len(entry) > maxTurnBytes+1000 {
				t.Errorf("entry %d has %d bytes", i, len(entry))
			}
		}
	})
}

func TestAGatewayThatDiesInTheMidstOfALargeTurnLosesNothing(t *testing.T) {
	// Commit 1 is the start; 2 is the first that holds the answer of "pay".
	for at := 2; ; at++ {
		reached := false
		for _, applied := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				inner := memory.New(memory.Options{Limits: fewSteps})
				store := &dying{Store: inner, applied: applied}
				v := &fakeIntegration{}
				var g *gateway
				store.die = func() {
					reached = true
					if err := inner.Commit(context.Background(), state.Delete("lease", "g1")); err != nil {
						t.Error(err)
					}
					g.executor.cancelCalls(errors.New("dead"))
				}
				store.left.Store(int64(at))
				g = open(t, store, "g1", v, Options{}, largeTurn, innerWorkflow)
				id := g.start("large", textInput(5000)).ID
				synctest.Wait()
				g2 := open(t, inner, "g2", v, Options{}, largeTurn, innerWorkflow)
				run := g2.wait(id)
				g2.stop()
				g.crash()
				if at == 2 && !applied {
					return // the answer was not recorded
				}
				if run.Status != workflow.RunSucceeded || string(run.Output) != `{"n":1}` {
					t.Errorf("dying at commit %d, applied %t: run = %s, %s, %+v", at, applied, run.Status, run.Output, run.Error)
				}
				keys := map[string]bool{}
				unsafe := 0
				for _, call := range v.seen() {
					keys[call.IdempotencyKey] = true
					if call.Action == "unsafe" {
						unsafe++
					}
				}
				if unsafe != 1 || len(keys) != 3 {
					t.Errorf("dying at commit %d, applied %t: %d calls of pay, %d effects, want 1 and 3", at, applied, unsafe, len(keys))
				}
			})
		}
		if !reached {
			if at < 8 {
				t.Errorf("there are %d commits only", at-1)
			}
			return
		}
	}
}

func TestManyAnswersAtOnceAreAllRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = `{"id":"many","steps":[{"id":"e","type":"foreach","items":"{{input.items}}","concurrency":60,"steps":[{"id":"c","type":"vendor","action":"unsafe"}]}]}`
		release := make(chan struct{})
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d,"text":%q}`, n, strings.Repeat("x", 300_000))}, nil
		}}
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", v, Options{}, many)
		defer g.stop()
		id := g.start("many", `{"items":[`+strings.TrimSuffix(strings.Repeat("1,", 60), ",")+`]}`).ID
		synctest.Wait()
		close(release)
		run := g.wait(id)
		if run.Status != workflow.RunSucceeded || len(v.seen()) != 60 {
			t.Fatalf("run = %s, %+v, after %d calls", run.Status, run.Error, len(v.seen()))
		}
		for _, s := range run.Steps[1:] {
			if s.Status != workflow.StepSucceeded || s.ResultBytes < 300_000 {
				t.Errorf("%s is %s with %d bytes", s.Path, s.Status, s.ResultBytes)
			}
		}
	})
}

func TestAFullRunKeepsItsAnswersUndoesAllAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const full = `{"id":"full","steps":[{"id":"e","type":"foreach","items":[1,2,3,4,5,6],"concurrency":6,"steps":[
		  {"id":"c","type":"vendor","action":"unsafe","compensate":[{"id":"undo","type":"vendor","action":"safe"}]}]}]}`
		v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			if call.Action == "unsafe" {
				return sdk.Result{Body: fmt.Appendf(nil, `%q`, strings.Repeat("x", 1000))}, nil
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{MaxRunBytes: 3500}, full)
		defer g.stop()
		run := g.wait(g.start("full", `{}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeRunTooLarge || !strings.HasPrefix(run.Error.Step, "e[") {
			t.Fatalf("run = %s, %+v", run.Status, run.Error)
		}
		kept, undone := 0, 0
		for _, s := range run.Steps {
			if s.Step.ID == "c" && s.Status == workflow.StepCompensated {
				undone++
				if !s.Result.IsZero() {
					kept++
				}
			}
		}
		if kept != 3 || undone != 6 || len(v.seen()) != 12 {
			t.Errorf("%d results are kept, %d of 6 steps are undone, after %d calls", kept, undone, len(v.seen()))
		}
	})
}

func TestTheSizeOfARunCountsOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waits = `{"id":"waits","steps":[
		  {"id":"a","type":"set","values":{"v":"{{input.text}}"}},
		  {"id":"w","type":"wait","duration":"10m"},
		  {"id":"b","type":"set","values":{"v":"{{input.text}}"}}]}`
		store := memory.New(memory.Options{})
		options := Options{MaxRunBytes: 2500}
		g1 := open(t, store, "g1", &fakeIntegration{}, options, waits)
		id := g1.start("waits", textInput(1000)).ID
		synctest.Wait()
		g1.crash()
		g2 := open(t, store, "g2", &fakeIntegration{}, options, waits)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeRunTooLarge || run.Error.Step != "b" {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
	})
}

// fewSteps are the limits of a store for a few steps in a turn.
var fewSteps = state.Limits{Value: 40_000, Commit: 400_000}

// small are the limits of a store that takes less than a run has to record.
var small = state.Limits{Value: 4000, Commit: 40_000}

func TestWhatTheStoreDoesNotTakeFailsTheRunWithItsPlace(t *testing.T) {
	const huge = `{"v":"{{input.text}}{{input.text}}{{input.text}}{{input.text}}{{input.text}}"}` // 5000 bytes
	const pay = `{"id":"pay","type":"vendor","action":"unsafe","compensate":[{"id":"undo","type":"vendor","action":"safe"}]}`
	for name, test := range map[string]struct {
		steps, more string
		path        string
		calls       int
	}{
		"a first step":        {steps: `{"id":"s","type":"set","values":` + huge + `}`, path: "s"},
		"a set":               {steps: pay + `,{"id":"s","type":"set","values":` + huge + `}`, path: "s", calls: 2},
		"after a wait":        {steps: pay + `,{"id":"w","type":"wait","duration":"10m"},{"id":"s","type":"set","values":` + huge + `}`, path: "s", calls: 2},
		"after a signal":      {steps: pay + `,{"id":"w","type":"waitForEvent","event":"go"},{"id":"s","type":"set","values":` + huge + `}`, path: "s", calls: 2},
		"params":              {steps: pay + `,{"id":"s","type":"vendor","action":"safe","params":` + huge + `}`, path: "s", calls: 2},
		"a child's input":     {steps: pay + `,{"id":"s","type":"workflow","workflow":"inner","input":` + huge + `}`, path: "s", calls: 2},
		"items":               {steps: pay + `,{"id":"s","type":"foreach","items":[` + huge + `],"steps":[{"id":"c","type":"vendor","action":"safe"}]}`, path: "s", calls: 2},
		"a returned output":   {steps: pay + `,{"id":"s","type":"return","output":` + huge + `}`, path: "s", calls: 2},
		"the output":          {steps: pay, more: `,"output":` + huge, path: "", calls: 2},
		"in an iteration":     {steps: pay + `,{"id":"e","type":"foreach","items":[1,2],"steps":[{"id":"s","type":"set","values":` + huge + `}]}`, path: "e[0].s", calls: 2},
		"beside small steps":  {steps: pay + `,{"id":"p","type":"parallel","steps":[{"id":"a","type":"set","values":{"v":1}},{"id":"s","type":"set","values":` + huge + `}]}`, path: "p.s", calls: 2},
		"where it is handled": {steps: pay + `,{"id":"s","type":"set","values":` + huge + `,"onError":"continue"}`, path: "s", calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeIntegration{}
				store := memory.New(memory.Options{Limits: small})
				g := open(t, store, "g1", v, Options{}, `{"id":"w","steps":[`+test.steps+`]`+test.more+`}`, innerWorkflow)
				defer g.stop()
				once := Once{Bucket: layout.BucketEvent, Key: "hook/evt", Value: []byte("event")}
				started, err := g.Start(t.Context(), StartRequest{Workflow: "w", Roots: input(textInput(1000)), Once: once})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if _, err := g.Signal(t.Context(), started.ID, "go", document(`{}`), Once{}); err != nil && !errors.Is(err, ErrEnded) {
					t.Fatal(err)
				}
				run := g.wait(started.ID)
				if run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeRunTooLarge || run.Error.Step != test.path {
					t.Fatalf("run = %s, %+v", run.Status, run.Error)
				}
				if !strings.Contains(run.Error.Err.Message, "the state store does not take") {
					t.Errorf("message = %q", run.Error.Err.Message)
				}
				if n := len(v.seen()); n != test.calls {
					t.Errorf("%d calls, want %d", n, test.calls)
				}
				if found, err := store.Get(t.Context(), state.Ref{Bucket: once.Bucket, ID: once.Key}); err != nil || found[0] == nil {
					t.Errorf("the event is not stored: %v", err)
				}
			})
		})
	}
}

func TestAnAnswerThatTheStoreDoesNotTakeIsRecordedWithoutItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 2 {
				return sdk.Result{Body: fmt.Appendf(nil, `%q`, strings.Repeat("x", 5000))}, nil
			}
			return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d}`, n)}, nil
		}}
		const undoable = `{"id":"w","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"a","type":"vendor","action":"unsafe","compensate":[{"id":"undo-a","type":"vendor","action":"safe"}]},
		  {"id":"b","type":"vendor","action":"unsafe","compensate":[{"id":"undo-b","type":"vendor","action":"safe"}]}]}]}`
		g := open(t, memory.New(memory.Options{Limits: small}), "g1", v, Options{}, undoable)
		defer g.stop()
		run := g.wait(g.start("w", `{}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeRunTooLarge || len(v.seen()) != 4 {
			t.Errorf("run = %s, %+v, after %d calls", run.Status, run.Error, len(v.seen()))
		}
	})
}

func TestAnErrorThatTheStoreDoesNotTakeIsRecordedInShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted,
				Details: json.RawMessage(`{"text":"` + strings.Repeat("x", 5000) + `"}`)}
		}}
		g := open(t, memory.New(memory.Options{Limits: small}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		run := g.wait(g.start("two", `{"x":1}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeDeclined || run.Error.Step != "first" || len(v.seen()) != 1 {
			t.Errorf("run = %s, %+v, after %d calls", run.Status, run.Error, len(v.seen()))
		}
	})
}

func TestAChildWhoseOutputTheStoreDoesNotTakeFailsVisibly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			outer = `{"id":"outer","steps":[{"id":"s","type":"workflow","workflow":"child","input":{"text":"{{input.text}}"}}]}`
			child = `{"id":"child","steps":[{"id":"in","type":"vendor","action":"safe"}],"output":{"v":"{{input.text}}{{input.text}}{{input.text}}"}}`
		)
		g := open(t, memory.New(memory.Options{Limits: small}), "g1", &fakeIntegration{}, Options{}, outer, child)
		defer g.stop()
		run := g.wait(g.start("outer", textInput(1300)).ID) // the entry is taken, the message to the parent is not
		if run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeRunTooLarge || run.Error.Step != "s" {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
	})
}

func TestAStartOrSignalThatTheStoreDoesNotTakeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{Limits: small})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, approval)
		defer g.stop()
		once := Once{Bucket: "once", Key: "k"}
		if _, err := g.Start(t.Context(), StartRequest{Workflow: "approval", Roots: input(textInput(5000)), Once: once}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("start: %v", err)
		}
		if n := runs(t, g); n != 0 {
			t.Errorf("%d runs were made", n)
		}
		id := g.start("approval", `{}`).ID
		if _, err := g.Signal(t.Context(), id, "approved", document(textInput(5000)), once); !errors.Is(err, ErrTooLarge) {
			t.Errorf("signal: %v", err)
		}
		if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"Ann"}`), once); err != nil {
			t.Error(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestAStopBetweenTwoTurnsHandsTheRunOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memory.New(memory.Options{Limits: fewSteps})
		store := &racingTurns{Store: inner}
		v := &fakeIntegration{}
		g := open(t, store, "g1", v, Options{}, largeTurn, innerWorkflow)
		store.atAppend.Store(3)
		stopped := make(chan struct{})
		store.do = func() { go func() { g.stop(); close(stopped) }(); time.Sleep(time.Second) }
		id := g.start("large", textInput(5000)).ID
		<-stopped
		if g.status(id) == workflow.RunSucceeded {
			t.Fatal("the run has ended before the stop")
		}
		g2 := open(t, inner, "g2", v, Options{}, largeTurn, innerWorkflow)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
	})
}

// racingTurns calls a function before one of the commits to a journal.
type racingTurns struct {
	*memory.Store
	atAppend atomic.Int64
	do       func()
}

func (r *racingTurns) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindAppend && r.atAppend.Add(-1) == 0 {
			r.do()
		}
	}
	return r.Store.Commit(ctx, ops...)
}
