package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// corruptions are records of a run that no version wrote.
func corruptions(id string) map[string]string {
	return map[string]string{
		"no bytes":         ``,
		"no JSON":          `{"v":2,"id":"`,
		"a wrong type":     `[1,2]`,
		"a wrong member":   fmt.Sprintf(`{"v":2,"id":%q,"workflow":7}`, id),
		"null":             `null`,
		"a newer format":   fmt.Sprintf(`{"v":99,"id":%q,"workflow":"pay","status":"failed"}`, id),
		"another run":      `{"v":2,"id":"another","workflow":"pay","status":"failed"}`,
		"an odd status":    fmt.Sprintf(`{"v":2,"id":%q,"workflow":"pay","status":"odd"}`, id),
		"without workflow": fmt.Sprintf(`{"v":2,"id":%q,"status":"failed"}`, id),
	}
}

const payWorkflow = `{"id":"pay","steps":[{"id":"a","type":"vendor","action":"safe"}]}`

func TestARunWhoseRecordCannotBeReadStopsNoList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
		}}
		g := open(t, store, "g1", v, Options{}, payWorkflow)
		defer g.stop()
		var ids []string
		for range 3 {
			time.Sleep(2 * time.Millisecond) // virtual: so that the ids are in order
			run := g.start("pay", `{}`)
			g.wait(run.ID)
			ids = append(ids, run.ID)
		}
		broken := ids[1]
		sound, err := store.Get(t.Context(), state.Ref{Bucket: layout.BucketRun, ID: broken})
		if err != nil {
			t.Fatal(err)
		}
		for name, record := range corruptions(broken) {
			if err := store.Commit(t.Context(), state.Put(layout.BucketRun, broken, []byte(record), 0)); err != nil {
				t.Fatal(err)
			}
			for _, request := range []ListRequest{{}, {Workflow: "pay"}, {Statuses: []workflow.RunStatus{workflow.RunFailed}}, {Limit: 2}, {Since: time.Now().Add(-time.Hour)}} {
				list, err := g.List(t.Context(), request)
				if err != nil || len(list.Runs) < 2 || !slices.Equal(list.Unreadable, []string{broken}) {
					t.Fatalf("%s: %+v: %+v, %v", name, request, list, err)
				}
				shown := list.Runs[1]
				if shown.ID != broken || shown.Workflow != "pay" || shown.Error == nil || shown.CreatedAt.IsZero() ||
					!strings.Contains(shown.Error.Err.Message, "the run "+broken+" cannot be read: its record") {
					t.Errorf("%s: %+v: %+v, %v", name, request, shown, shown.Error)
				}
				if want := workflow.RunFailed; len(request.Statuses) > 0 && shown.Status != want {
					t.Errorf("%s: status %q", name, shown.Status)
				}
			}
			if list, err := g.List(t.Context(), ListRequest{Statuses: []workflow.RunStatus{workflow.RunSucceeded}}); err != nil || len(list.Runs) != 0 {
				t.Errorf("%s: those that succeeded: %+v, %v", name, list, err)
			}
			var corrupt *CorruptError
			if _, err := g.Get(t.Context(), broken); !errors.As(err, &corrupt) || corrupt.Run != broken {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := g.Get(t.Context(), ids[0]); err != nil {
				t.Errorf("%s: another run: %v", name, err)
			}
		}
		if err := store.Commit(t.Context(), state.Put(layout.BucketRun, broken, sound[0], 0)); err != nil {
			t.Fatal(err)
		}
		if run, err := g.Get(t.Context(), broken); err != nil || run.Status != workflow.RunFailed {
			t.Errorf("once it is mended: %+v, %v", run, err)
		}
	})
}

func TestAnErrorNamesThePartOfARunThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, payWorkflow)
		defer g.stop()
		for part, ops := range map[string]func(id string, hash string) []state.Op{
			"its record":             func(id, _ string) []state.Op { return []state.Op{state.Put(layout.BucketRun, id, []byte("x"), 0)} },
			"entry 1 of its journal": func(id, _ string) []state.Op { return journal(id, "", "{") },
			"entry 0 of its journal": func(id, _ string) []state.Op { return journal(id, "not JSON") },
			"entry 2 of its journal": func(id, _ string) []state.Op { return journal(id, "", "", `{"v":1,"events":7}`) },
			"its definition": func(_, hash string) []state.Op {
				return []state.Op{state.Put(layout.BucketDefinition, hash, []byte("[]"), 0)}
			},
			"its definition: engine:": func(_, hash string) []state.Op { return []state.Op{state.Delete(layout.BucketDefinition, hash)} },
		} {
			run := g.start("pay", `{}`)
			g.wait(run.ID)
			definition, _ := g.executor.definitions.current("pay")
			if err := store.Commit(t.Context(), fill(t, store, run.ID, ops(run.ID, definition.Hash))...); err != nil {
				t.Fatal(err)
			}
			// Another process, which knows no definition yet.
			other := open(t, store, "g-"+NewRunID(), &fakeIntegration{}, Options{})
			var corrupt *CorruptError
			if _, err := other.Get(t.Context(), run.ID); !errors.As(err, &corrupt) || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v", part, err)
			}
			other.stop()
			if err := g.SetDefinitions(t.Context(), []*workflow.Definition{definition}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// journal replaces the journal of a run; an empty entry is the one that is there.
func journal(id string, entries ...string) []state.Op {
	ops := []state.Op{state.DropJournal(id)}
	for n, entry := range entries {
		ops = append(ops, state.Append(id, n, []byte(entry)))
	}
	return ops
}

// fill puts the entries that are there in the place of empty ones. The journal is
// dropped first: within one commit no op sees another's effect.
func fill(t *testing.T, store state.Store, id string, ops []state.Op) []state.Op {
	t.Helper()
	if len(ops) < 2 {
		return ops
	}
	there, err := store.Journal(t.Context(), id, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ops[1:] {
		if op := &ops[i+1]; len(op.Value) == 0 {
			op.Value = there[op.Seq]
		}
	}
	if err := store.Commit(t.Context(), ops[0]); err != nil {
		t.Fatal(err)
	}
	return ops[1:]
}

// TestOneRunThatCannotBeReadHoldsUpNoOther: as many of them as a look takes in at once
// are first in every line.
func TestRunsThatCannotBeReadHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		log := &recordedLog{}
		const waiting = `{"id":"waits","steps":[{"id":"w","type":"wait","duration":"1h"},{"id":"a","type":"vendor","action":"safe"}]}`
		const limited = `{"id":"limited","concurrency":{"limit":1},"steps":[{"id":"w","type":"wait","duration":"1h"}]}`
		g := open(t, store, "g1", &fakeIntegration{}, Options{Logger: log.logger()}, waiting, limited, payWorkflow)
		var broken []string
		spoil := func(id string) {
			broken = append(broken, id)
			if err := store.Commit(t.Context(), state.Put(layout.BucketRun, id, []byte("x"), 0)); err != nil {
				t.Fatal(err)
			}
		}
		for range page + 1 { // more than one look at the timers takes in
			id := g.start("waits", `{}`).ID
			synctest.Wait()
			spoil(id)
		}
		timed := g.start("waits", `{}`).ID
		first := g.start("limited", `{}`).ID
		synctest.Wait()
		throttled := g.start("limited", `{}`).ID
		time.Sleep(2 * time.Millisecond) // virtual: so that the ids are in order
		next := g.start("limited", `{}`).ID
		synctest.Wait()
		spoil(throttled)
		g.stop()
		var unqueued []string
		for range claimShare + 1 {
			unqueued = append(unqueued, NewRunID())
		}
		time.Sleep(2 * time.Millisecond)
		leave := make(chan struct{})
		g = open(t, store, "g2", &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-leave
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}, Options{Logger: log.logger(), MaxRunning: 1}, waiting, limited, payWorkflow)
		defer g.stop()
		g.start("pay", `{}`) // takes the only slot
		synctest.Wait()
		queued := g.start("pay", `{}`).ID
		for _, id := range unqueued { // before it in the queue, and left over by a process that died
			spoil(id)
			if err := store.Commit(t.Context(), state.Add(layout.SetQueued+"/pay", id), state.Add(layout.SetRunning, id+"/dead")); err != nil {
				t.Fatal(err)
			}
		}
		close(leave)
		time.Sleep(3 * time.Hour)
		for name, id := range map[string]string{"one with a timer": timed, "the first under a limit": first, "the next under a limit": next, "one in the queue": queued} {
			if run, err := g.Get(t.Context(), id); err != nil || run.Status != workflow.RunSucceeded {
				t.Errorf("%s is %s: %v", name, run.Status, err)
			}
		}
		for _, id := range broken {
			if n := strings.Count(log.text(), id); n == 0 || n > 100 {
				t.Errorf("a run that cannot be read has %d lines in the log of some hours", n)
				break
			}
		}
	})
}

func TestARunThatCannotBeReadEndsNoRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
		}}
		g := open(t, store, "g1", v, Options{Retention: Retention{Succeeded: time.Hour, Failed: time.Hour}}, payWorkflow)
		defer g.stop()
		var ids []string
		for range 4 {
			time.Sleep(2 * time.Millisecond)
			ids = append(ids, g.start("pay", `{}`).ID)
			g.wait(ids[len(ids)-1])
		}
		if err := store.Commit(t.Context(), state.Put(layout.BucketRun, ids[0], []byte("x"), 0), state.Add(layout.SetEnded+"/"+endedFailed, "nonsense")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		for i, id := range ids {
			_, err := g.Get(t.Context(), id)
			if wantKept := i == 0; errors.Is(err, ErrNotFound) == wantKept {
				t.Errorf("run %d: %v", i, err)
			}
		}
	})
}
