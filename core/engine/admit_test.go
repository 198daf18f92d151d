package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// openQueued is a gateway that does not work on runs before Run.
func openQueued(t *testing.T, store state.Store, v *fakeIntegration, o Options) *gateway {
	t.Helper()
	if err := store.Commit(t.Context(), state.Insert("lease", "g1", nil, 0)); err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(v)
	if err != nil {
		t.Fatal(err)
	}
	o.Store, o.Lease, o.Actions = store, testLease{id: "g1", store: store}, registry
	return &gateway{Engine: New(o), t: t, store: store, lease: "g1"}
}

// TestAllRunsThatHavePlacesAreAdmittedAndClaimedInOneCommit counts the commits from the
// moment at which many runs wait until they are worked on.
func TestAllRunsThatHavePlacesAreAdmittedAndClaimedInOneCommit(t *testing.T) {
	for name, test := range map[string]struct {
		lane  string
		slots int
		runs  int
		begin int // with the first batches
		most  int // commits
	}{
		"a lane":                    {lane: `{"concurrency":50}`, runs: 60, begin: 50, most: 4},
		"a place":                   {lane: `{"concurrency":1}`, runs: 60, begin: 1, most: 4},
		"more than one batch":       {lane: `{"concurrency":200}`, runs: 150, begin: 150, most: 6},
		"a rate":                    {lane: `{"rate":"20/m"}`, runs: 60, begin: 20, most: 5},
		"a fast rate":               {lane: `{"rate":"120/m"}`, runs: 130, begin: 120, most: 6},
		"fewer slots, by the queue": {lane: `{"concurrency":50}`, slots: 10, runs: 60, begin: 10, most: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
					time.Sleep(10 * time.Second)
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				store := memory.New(memory.Options{})
				counted := &countedStore{Store: store}
				g := openPlaced(t, openQueued(t, counted, v, Options{MaxRunning: test.slots}), "", test.lane, oneCall)
				var ids []string
				for i := range test.runs {
					ids = append(ids, g.startKeyed(i, "a"))
				}
				before := counted.commits.Load()
				g.Run()
				defer g.stop()
				time.Sleep(5 * time.Second)
				if n := len(v.seen()); n != test.begin {
					t.Errorf("%d runs are worked on, want %d", n, test.begin)
				}
				if n := int(counted.commits.Load() - before); n > test.most {
					t.Errorf("%d runs needed %d commits to be worked on", test.begin, n)
				}
				for _, id := range ids {
					if run := g.wait(id); run.Status != workflow.RunSucceeded {
						t.Errorf("run = %s (%v)", run.Status, run.Error)
					}
				}
				checkNoPlacesLeft(t, store, ids...)
			})
		})
	}
}

// TestARunThatEndsOrWaitsWithItsAdmissionLetsTheNextGoOn has runs whose first decisions
// give back the place that they were admitted into.
func TestARunThatEndsOrWaitsWithItsAdmissionLetsTheNextGoOn(t *testing.T) {
	const ends = `{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe","condition":"false"}]}`
	const waits = `{"id":"w","steps":[{"id":"a","type":"wait","duration":"1m"}]}`
	for name, test := range map[string]struct{ ordered, lane, raw string }{
		"ends, in a lane":  {"", `{"concurrency":2}`, ends},
		"waits, in a lane": {"", `{"concurrency":2}`, waits},
		"ends, in order":   {byKey, "", ends},
		"waits, in order":  {byKey, "", waits},
		"ends, in both":    {byKey, `{"concurrency":1}`, ends},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(memory.Options{})
				g := openPlaced(t, openQueued(t, store, &fakeIntegration{}, Options{}), test.ordered, test.lane, test.raw)
				var ids []string
				for i := range 7 {
					ids = append(ids, g.startKeyed(i, "a"))
				}
				g.Run()
				defer g.stop()
				time.Sleep(10 * time.Minute)
				for i, id := range ids {
					if status := g.status(id); status != workflow.RunSucceeded {
						t.Errorf("run %d is %s", i, status)
					}
				}
				checkNoPlacesLeft(t, store, ids...)
			})
		})
	}
}

// TestAChangedRunKeepsNoOtherOfItsBatchWaiting changes the record of one of many runs
// at the moment at which they are admitted.
func TestAChangedRunKeepsNoOtherOfItsBatchWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		changing := &changingStore{Store: store}
		g := openPlaced(t, openQueued(t, changing, &fakeIntegration{}, Options{}), "", `{"concurrency":50}`, oneCall)
		var ids []string
		for i := range 20 {
			ids = append(ids, g.startKeyed(i, "a"))
		}
		changing.run, changing.left = ids[10], 5
		g.Run()
		defer g.stop()
		time.Sleep(time.Second)
		for i, id := range ids {
			if status := g.status(id); status != workflow.RunSucceeded {
				t.Errorf("run %d is %s", i, status)
			}
		}
		if changing.left > 0 {
			t.Errorf("%d changes were not made", changing.left)
		}
		checkNoPlacesLeft(t, store, ids...)
	})
}

// changingStore changes the record of a run before a commit that requires what it is,
// so many times.
type changingStore struct {
	state.Store
	run  string
	left int
}

func (s *changingStore) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindRequireValue && op.ID == s.run && s.left > 0 {
			s.left--
			rec, err := decodeRecord(op.ID, op.Value)
			if err != nil {
				return fmt.Errorf("changing: %w", err)
			}
			rec.Revision += 1000
			if err := s.Store.Commit(ctx, state.Put(op.Space, op.ID, rec.encode(), 0)); err != nil {
				return err
			}
		}
	}
	return s.Store.Commit(ctx, ops...)
}
