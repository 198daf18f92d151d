package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// TestEveryRunThatWasAcceptedBeforeTheDiskWasFullGoesOn starts runs until the
// disk is full, and ends the process there.
func TestEveryRunThatWasAcceptedBeforeTheDiskWasFullGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	full := func(store *Store, ids []string) ([]string, error) {
		held, err := lease.Acquire(t.Context(), store, lease.Options{Node: "test"})
		if err != nil {
			t.Fatal(err)
		}
		registry, err := action.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		definition, err := workflow.Parse([]byte(`{"id":"w","steps":[{"id":"a","type":"wait","duration":"1s"}]}`), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		e := engine.New(engine.Options{Store: store, Lease: held, Actions: registry})
		if err := e.SetDefinitions(t.Context(), []*workflow.Definition{definition}); err != nil {
			t.Fatal(err)
		}
		e.Run()
		defer func() {
			_ = e.Stop(t.Context())       // with a full disk it hands nothing over
			_ = held.Release(t.Context()) // nor is there room to say so
		}()
		if ids != nil {
			for _, id := range ids {
				if run, err := e.Wait(t.Context(), id); err != nil || run.Status != workflow.RunSucceeded {
					t.Errorf("run %s is %s, %v", id, run.Status, err)
				}
			}
			return nil, nil
		}
		input := value.TrustedDoc([]byte(`"` + strings.Repeat("x", 20_000) + `"`))
		for len(ids) < 1000 {
			run, err := e.Start(t.Context(), engine.StartRequest{Workflow: "w", Roots: map[string]value.Doc{"input": input}})
			if err != nil {
				return ids, err
			}
			ids = append(ids, run.ID)
		}
		return ids, nil
	}
	store := open(t, Options{Path: path, pragmas: []string{"max_page_count(400)"}})
	ids, err := full(store, nil)
	if !errors.Is(err, state.ErrUnavailable) || len(ids) == 0 {
		t.Fatalf("after %d runs: %v", len(ids), err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := full(open(t, Options{Path: path}), ids); err != nil {
		t.Error(err)
	}
	t.Logf("%d runs went on within %s", len(ids), time.Since(began).Round(time.Millisecond))
}
