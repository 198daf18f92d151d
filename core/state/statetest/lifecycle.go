package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/internal/testkit"
)

func testLifecycle(t *testing.T, factory Factory) {
	promise(t, factory, "aClosedStoreSaysSo", func(t *testing.T, h Harness) {
		ctx := context.Background()
		if err := h.Store.Close(); err != nil {
			t.Fatal(err)
		}
		_, getErr := h.Store.Get(ctx, state.Ref{Bucket: "r", ID: "a"})
		_, rangeErr := h.Store.Range(ctx, state.Range{Set: "s", Limit: 1})
		_, journalErr := h.Store.Journal(ctx, "j", 0, 10_000)
		_, _, dueErr := h.Store.Due(ctx, "q", 1)
		for name, err := range map[string]error{
			"Commit": h.Store.Commit(ctx, state.Put("r", "a", nil, 0)),
			"Get":    getErr, "Range": rangeErr, "Journal": journalErr, "Due": dueErr,
		} {
			if !errors.Is(err, state.ErrClosed) {
				t.Errorf("%s: got %v, want ErrClosed", name, err)
			}
		}
		if err := h.Store.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
	promise(t, factory, "closeWaitsForCommits", func(t *testing.T, h Harness) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var acknowledged []string
		for caller := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("%d-%d", caller, i)
					err := h.Store.Commit(context.Background(), state.Put("r", id, []byte(id), 0))
					if errors.Is(err, state.ErrClosed) {
						return
					}
					if err != nil {
						t.Errorf("commit while closing: %v", err)
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				}
			})
		}
		testkit.Eventually(t, time.Minute, "50 commits are acknowledged", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acknowledged) >= 50
		})
		if h.Reopen == nil {
			if err := h.Store.Close(); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			return
		}
		s := h.Reopen(t)
		wg.Wait()
		for _, id := range acknowledged {
			if got := get(t, s, "r", id); string(got) != id {
				t.Fatalf("acknowledged record %s holds %q", id, got)
			}
		}
	})
	promise(t, factory, "readsObeyTheirContext", func(t *testing.T, h Harness) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := h.Store.Get(ctx, state.Ref{Bucket: "r", ID: "a"}); !errors.Is(err, context.Canceled) {
			t.Errorf("Get: got %v", err)
		}
		if _, err := h.Store.Journal(ctx, "j", 0, 10_000); !errors.Is(err, context.Canceled) {
			t.Errorf("Journal: got %v", err)
		}
	})
	promise(t, factory, "reopenedHoldsEverything", func(t *testing.T, h Harness) {
		if h.Reopen == nil {
			return // a store that keeps nothing promises nothing here
		}
		commit(t, h.Store,
			state.Insert("r", "a", []byte("1"), 0), state.Insert("r", "brief", []byte("1"), h.Tick),
			state.Add("s", "m"), state.Append("j", 0, []byte("e0")), state.Append("j", 1, nil),
			state.SetTimerAfter("q", "t", 0), state.SetTimerAfter("q", "later", time.Hour))
		s := h.Reopen(t)
		h.Advance(2 * h.Tick)
		if string(get(t, s, "r", "a")) != "1" || get(t, s, "r", "brief") != nil {
			t.Error("records differ")
		}
		if got := list(t, s, state.Range{Set: "s", Limit: 9}); !slices.Equal(got, []string{"m"}) {
			t.Errorf("set holds %q", got)
		}
		if got := journal(t, s, "j", 0); !slices.Equal(got, []string{"e0", ""}) {
			t.Errorf("journal holds %q", got)
		}
		if got, next := due(t, s, "q", 9); !slices.Equal(got, []string{"t"}) || next <= 0 {
			t.Errorf("due %q, next %v", got, next)
		}
		conflict(t, s, 0, state.Insert("r", "a", nil, 0))
		conflict(t, s, 0, state.Append("j", 1, nil))
		commit(t, s, state.Append("j", 2, []byte("e2")))
	})
}
