package engine

import (
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

func TestARunKeepsTheDefaultsThatItsDefinitionWasStoredWith(t *testing.T) {
	store := memory.New(memory.Options{})
	d := &definitions{store: store, lease: testLease{id: "g1", store: store}}
	// As it was written before definitions had a number of their defaults.
	const stored = `{"v":1,"roots":["input","steps","run"],"definition":{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe"}]}}`
	if err := store.Commit(t.Context(), state.Insert("lease", "g1", nil, 0), state.Put(layout.BucketDefinition, "old", []byte(stored), 0)); err != nil {
		t.Fatal(err)
	}
	old, err := d.pinned(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	if retry := old.Steps.Steps[0].Retry; retry.MaxAttempts != 10 || retry.MaxInterval != time.Minute {
		t.Errorf("a run in progress is retried by %+v", retry)
	}
	now, err := workflow.Parse([]byte(`{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe"}]}`), workflow.InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.set(t.Context(), []*workflow.Definition{now}); err != nil {
		t.Fatal(err)
	}
	fresh := &definitions{store: store, lease: d.lease} // another process
	again, err := fresh.pinned(t.Context(), now.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if again.Steps.Steps[0].Retry.MaxAttempts != workflow.DefaultRetry.MaxAttempts || again.Hash != now.Hash {
		t.Errorf("a new run is retried by %+v", again.Steps.Steps[0].Retry)
	}
}
