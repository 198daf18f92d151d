package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// dyingStore is the store of a process that is killed at its n-th commit, before or after
// it took effect. From then on nothing of the process is done.
type dyingStore struct {
	state.Store
	after bool

	mu   sync.Mutex
	left int
	dead bool
}

func (s *dyingStore) Commit(ctx context.Context, ops ...state.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return state.ErrClosed
	}
	if s.left--; s.left > 0 {
		return s.Store.Commit(ctx, ops...)
	}
	s.dead = true
	if s.after {
		_ = s.Store.Commit(ctx, ops...)
	}
	return state.ErrClosed
}

// spare lets the process live on.
func (s *dyingStore) spare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = math.MaxInt
}

func (s *dyingStore) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// TestOrderAndLanesSurviveAProcessThatIsKilledAtAnyCommit kills a process at each commit
// of the way of three runs of a key through their order and their lane: the first fails,
// is parked and retried, the others wait for a time in between.
func TestOrderAndLanesSurviveAProcessThatIsKilledAtAnyCommit(t *testing.T) {
	const raw = `{"id":"w","steps":[
		{"id":"a","type":"vendor","action":"safe","params":{"n":"{{input.n}}"},"retry":{"maxAttempts":2,"initialInterval":"10s"}},
		{"id":"pause","type":"wait","duration":"20s"},
		{"id":"b","type":"vendor","action":"safe","params":{"n":"{{input.n}}"}}]}`
	const ordered, lane = `{"key":"{{input.key}}","blockFor":"5m"}`, `{"concurrency":1,"rate":"100/s"}`
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			alive := false
			synctest.Test(t, func(t *testing.T) {
				fails := true
				var mu sync.Mutex
				var effects []int
				v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
					var p struct{ N int }
					_ = json.Unmarshal(call.Params, &p)
					mu.Lock()
					defer mu.Unlock()
					if p.N == 0 && fails {
						return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
					}
					if len(effects) == 0 || effects[len(effects)-1] != p.N {
						effects = append(effects, p.N)
					}
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				store := memory.New(memory.Options{})
				dying := &dyingStore{Store: store, after: after, left: at + 2} // its lease, and its definitions
				g1 := openPlaced(t, open(t, dying, "dying", v, Options{}), ordered, lane, raw)
				g1.store = store // for its end
				var ids []string
				for i := range 3 {
					id := NewRunID()
					ids = append(ids, id)
					for { // as a sender that repeats what it has no response to
						g := g1
						if dying.isDead() {
							g = openPlaced(t, open(t, store, "g"+NewRunID(), v, Options{}), ordered, lane, raw)
							defer g.stop()
						}
						_, err := g.Start(t.Context(), StartRequest{ID: id, Workflow: "w", Roots: input(fmt.Sprintf(`{"n":%d,"key":"a"}`, i))})
						if err == nil || dying.isDead() && strings.Contains(err.Error(), "does not hold") { // the first took effect
							break
						}
					}
				}
				g2 := g1
				for range 20 { // more than blockFor
					if dying.isDead() && g2 == g1 {
						g1.crash()
						g2 = openPlaced(t, open(t, store, "last", v, Options{}), ordered, lane, raw)
					}
					time.Sleep(20 * time.Second)
				}
				alive = g2 == g1
				dying.spare()
				defer g2.stop()
				for i, id := range ids {
					run, err := g2.Get(t.Context(), id)
					want := workflow.RunSucceeded
					if i == 0 {
						want = workflow.RunFailed
					}
					if err != nil || run.Status != want || i == 0 && run.Error.Err.Code != workflow.CodeParked {
						t.Fatalf("killed at commit %d (after: %v), run %d is %s, %+v (%v)", at, after, i, run.Status, run.Error, err)
					}
				}
				mu.Lock()
				fails = false
				mu.Unlock()
				if _, err := g2.Retry(t.Context(), RetryRequest{ID: ids[0]}); err != nil {
					t.Fatal(err)
				}
				if run := g2.wait(ids[0]); run.Status != workflow.RunSucceeded {
					t.Fatalf("killed at commit %d (after: %v), the parked run is %s", at, after, run.Status)
				}
				if !slices.Equal(effects, []int{1, 2, 0}) {
					t.Errorf("killed at commit %d (after: %v): effects of %v", at, after, effects)
				}
				checkNoPlacesLeft(t, store, ids...)
			})
			if alive || t.Failed() {
				if at < 20 && !t.Failed() {
					t.Errorf("only %d commits were tried", at)
				}
				break
			}
		}
	}
}
