package engine

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

const (
	awaitsGo = `{"id":"ask","steps":[{"id":"a","type":"waitForEvent","event":"go"}]}`
	fails    = `{"id":"fails","steps":[{"id":"a","type":"fail","message":"sold out"}]}`
)

func TestAKeyMakesOneRunAndTheSecondRequestGetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		once := Once{
			Bucket: "event", Key: "evt_1", Value: []byte("the first"), TTL: time.Hour,
			Index: []IndexEntry{{"events", "1/evt_1"}, {"events/w", "1/evt_1"}},
		}
		req := StartRequest{Workflow: "two", Roots: input(`{"x":1}`), Once: once}
		if _, err := g.Start(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		req.Once.Value, req.Once.Index = []byte("another"), []IndexEntry{{"events", "2/evt_1"}}
		_, err := g.Start(t.Context(), req)
		duplicate, ok := errors.AsType[*DuplicateError](err)
		if !ok || !errors.Is(err, ErrDuplicate) || string(duplicate.Value) != "the first" {
			t.Errorf("error = %v, want a duplicate of the first", err)
		}
		if n := runs(t, g); n != 1 {
			t.Errorf("%d runs were made, want 1", n)
		}
		for _, set := range []string{"events", "events/w"} {
			members, err := store.Range(t.Context(), state.Range{Set: set, Limit: 10})
			if err != nil || !slices.Equal(members, []string{"1/evt_1"}) {
				t.Errorf("%s has %q, %v", set, members, err)
			}
		}
	})
}

func TestAnAliasMakesOneRunWhateverTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		start := func(key, alias string) string {
			_, err := g.Start(t.Context(), StartRequest{Workflow: "two", Roots: input(`{"x":1}`), Once: Once{
				Bucket: "event", Key: key, Value: []byte("of " + key), TTL: time.Hour, Alias: Alias{Bucket: "content", Key: alias},
			}})
			if duplicate, ok := errors.AsType[*DuplicateError](err); ok {
				return string(duplicate.Value)
			}
			if err != nil {
				t.Fatal(err)
			}
			return ""
		}
		for _, test := range []struct{ key, alias, want string }{
			{"a", "x", ""}, {"a", "x", "of a"}, {"b", "x", "of a"}, {"a", "y", "of a"}, {"b", "y", ""}, {"c", "y", "of b"}, {"b", "x", "of a"}, {"a", "y", "of b"},
		} {
			if got := start(test.key, test.alias); got != test.want {
				t.Errorf("%s with %s: duplicate of %q, want %q", test.key, test.alias, got, test.want)
			}
		}
		time.Sleep(time.Hour)
		if got := start("c", "x"); got != "" {
			t.Errorf("after its time it is a duplicate %q", got)
		}
	})
}

func TestAKeyChangesARunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, awaitsGo, fails)
		defer g.stop()
		waits, failed := g.start("ask", `{}`).ID, g.start("fails", `{}`).ID
		if run := g.wait(failed); run.Status != workflow.RunFailed {
			t.Fatalf("run is %s", run.Status)
		}
		for _, test := range []struct {
			name   string
			change func(once Once) (Run, error)
		}{
			{"signal", func(once Once) (Run, error) { return g.Signal(t.Context(), waits, "other", value.Doc{}, once) }},
			{"retry", func(once Once) (Run, error) { return g.Retry(t.Context(), RetryRequest{ID: failed, Once: once}) }},
			{"cancel", func(once Once) (Run, error) { return g.Cancel(t.Context(), waits, once) }},
		} {
			taken := Once{Bucket: "key", Key: test.name, Value: []byte(test.name)}
			if err := g.store.Commit(t.Context(), taken.Ops()...); err != nil {
				t.Fatal(err)
			}
			_, err := test.change(taken)
			if duplicate, ok := errors.AsType[*DuplicateError](err); !ok || string(duplicate.Value) != test.name {
				t.Errorf("%s under a key that is taken: %v, want a duplicate", test.name, err)
			}
			if _, err := test.change(Once{Bucket: "key", Key: test.name + " again"}); err != nil {
				t.Errorf("%s under a free key: %v", test.name, err)
			}
		}
	})
}

func TestATimerIsAdvancedByTheWriteThatMakesTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		if err := store.Commit(t.Context(), state.Put("schedule", "s", []byte("one"), 0), state.SetTimerAfter("ticks", "s", 0)); err != nil {
			t.Fatal(err)
		}
		advance := Advance{Queue: "ticks", Key: "s", Next: time.Now().Add(time.Hour), Bucket: "schedule", From: []byte("one"), To: []byte("two")}
		req := StartRequest{Workflow: "two", Roots: input(`{"x":1}`), Advance: advance, Once: Once{Bucket: "tick", Key: "1"}}
		if _, err := g.Start(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		// That the timer was moved counts before that the key is taken.
		if _, err := g.Start(t.Context(), req); !errors.Is(err, ErrStale) {
			t.Errorf("before the timer is due: %v, want ErrStale", err)
		}
		time.Sleep(time.Hour)
		req.Advance.Next = time.Time{}
		if _, err := g.Start(t.Context(), req); !errors.Is(err, ErrStale) {
			t.Errorf("with a record that was replaced: %v, want ErrStale", err)
		}
		req.Advance.From, req.Advance.To = []byte("two"), []byte("three")
		if _, err := g.Start(t.Context(), req); !errors.Is(err, ErrDuplicate) {
			t.Errorf("with a key that is taken: %v, want ErrDuplicate", err)
		}
		req.Once.Key = "2"
		if _, err := g.Start(t.Context(), req); err != nil {
			t.Error(err)
		}
		if due, next, err := store.Due(t.Context(), "ticks", 10); err != nil || len(due) > 0 || next >= 0 {
			t.Errorf("timers %v and in %s are left, %v", due, next, err)
		}
		if n := runs(t, g); n != 2 {
			t.Errorf("%d runs were made, want 2", n)
		}
	})
}

func TestAProcessWithoutItsLeaseIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps, awaitsGo)
		defer g.stop()
		id := g.start("ask", `{}`).ID
		synctest.Wait()
		if err := store.Commit(t.Context(), state.Delete("lease", "g1")); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Start(t.Context(), StartRequest{Workflow: "two", Roots: input(`{"x":1}`)}); !errors.Is(err, ErrFenced) {
			t.Errorf("start: %v, want ErrFenced", err)
		}
		if _, err := g.Cancel(t.Context(), id, Once{}); !errors.Is(err, ErrFenced) {
			t.Errorf("cancel: %v, want ErrFenced", err)
		}
	})
}

func TestWhatIsWrittenBesideARunIsWrittenWithItOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		req := StartRequest{Workflow: "two", Roots: input(`{"x":1}`), Beside: []state.Op{state.Insert("beside", "a", []byte("1"), 0), state.Add("kept", "a")}}
		if _, err := g.Start(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Start(t.Context(), req); !errors.Is(err, ErrStale) {
			t.Errorf("a condition that does not hold: %v", err)
		}
		if n := runs(t, g); n != 1 {
			t.Errorf("%d runs were made, want 1", n)
		}
		if members, err := store.Range(t.Context(), state.Range{Set: "kept", Limit: 10}); err != nil || !slices.Equal(members, []string{"a"}) {
			t.Errorf("the set has %q, %v", members, err)
		}
	})
}
