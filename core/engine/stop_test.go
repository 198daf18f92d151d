package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

// fallingStore is down for good from the first commit that works on a run on.
type fallingStore struct{ unreachable }

func (s *fallingStore) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindAppend && op.Seq > 0 {
			s.set(true)
		}
	}
	return s.unreachable.Commit(ctx, ops...)
}

// TestAStopEndsWhileAClaimWaitsForTheStore: a claim whose outcome is not known is waited
// for until the stop's own time is over.
func TestAStopEndsWhileAClaimWaitsForTheStore(t *testing.T) {
	for name, lane := range map[string]string{"of a run in a lane": `{"concurrency":5}`, "of a queued run": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &fallingStore{unreachable{Store: memory.New(memory.Options{})}}
				g := openPlaced(t, openQueued(t, store, &fakeIntegration{}, Options{}), "", lane, oneCall)
				g.startKeyed(0, "a")
				g.Run()
				synctest.Wait()
				time.Sleep(time.Minute)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				stopped := make(chan error, 1)
				go func() { stopped <- g.Stop(ctx) }()
				select {
				case <-stopped:
				case <-time.After(time.Minute):
					t.Error("the stop does not end")
					g.executor.cancelCalls(ErrStopped)
					<-stopped
				}
				if store.err() == nil {
					t.Error("no claim was under way")
				}
			})
		})
	}
}
