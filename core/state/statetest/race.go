package statetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/core/state"
)

func testRace(t *testing.T, factory Factory) {
	const callers = 16
	promise(t, factory, "oneInsertOfManyWins", func(t *testing.T, h Harness) {
		for round := range 20 {
			id := fmt.Sprint(round)
			won := race(t, callers, func(caller int) error {
				return h.Store.Commit(context.Background(),
					state.Insert("r", id, fmt.Append(nil, caller), 0), state.Add("winners/"+id, fmt.Sprint(caller)))
			})
			if won != 1 {
				t.Fatalf("%d of %d inserts won", won, callers)
			}
			winner := list(t, h.Store, state.Range{Set: "winners/" + id, Limit: 9})
			if len(winner) != 1 || winner[0] != string(get(t, h.Store, "r", id)) {
				t.Fatalf("record and set disagree on who won: %q", winner)
			}
		}
	})
	promise(t, factory, "oneAppendOfManyWinsEachNumber", func(t *testing.T, h Harness) {
		for seq := range 20 {
			won := race(t, callers, func(int) error {
				return h.Store.Commit(context.Background(), state.Append("j", seq, fmt.Append(nil, seq)))
			})
			if won != 1 {
				t.Fatalf("%d of %d appends of entry %d won", won, callers, seq)
			}
		}
		for seq, entry := range journal(t, h.Store, "j", 0) {
			if entry != fmt.Sprint(seq) {
				t.Errorf("entry %d holds %q", seq, entry)
			}
		}
	})
	promise(t, factory, "compareAndSwapLosesNoUpdate", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "n", []byte("0"), 0))
		const each = 10
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for done := 0; done < each; {
					values, err := h.Store.Get(context.Background(), state.Ref{Bucket: "r", ID: "n"})
					if err != nil {
						t.Error(err)
						return
					}
					var n int
					if _, err := fmt.Sscan(string(values[0]), &n); err != nil {
						t.Error(err)
						return
					}
					err = h.Store.Commit(context.Background(),
						state.RequireValue("r", "n", values[0]), state.Put("r", "n", fmt.Append(nil, n+1), 0))
					switch conflict := (*state.ConflictError)(nil); {
					case err == nil:
						done++
					case !errors.As(err, &conflict):
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := get(t, h.Store, "r", "n"); string(got) != fmt.Sprint(callers*each) {
			t.Errorf("counted to %s, want %d", got, callers*each)
		}
	})
	promise(t, factory, "oneTakerOfADueTimer", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.SetTimerAfter("q", "t", 0))
		won := race(t, callers, func(int) error {
			return h.Store.Commit(context.Background(), state.RequireDue("q", "t"), state.ClearTimer("q", "t"))
		})
		if won != 1 {
			t.Errorf("%d of %d takers won", won, callers)
		}
	})
	promise(t, factory, "readsSeeWholeCommits", func(t *testing.T, h Harness) {
		a, b := state.Ref{Bucket: "r", ID: "a"}, state.Ref{Bucket: "r", ID: "b"}
		commit(t, h.Store, state.Put("r", "a", []byte("0"), 0), state.Put("r", "b", []byte("0"), 0))
		var wg sync.WaitGroup
		var stop atomic.Bool
		wg.Go(func() {
			defer stop.Store(true)
			for i := range 200 {
				value := fmt.Append(nil, i)
				if err := h.Store.Commit(context.Background(), state.Put("r", "a", value, 0), state.Put("r", "b", value, 0)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for !stop.Load() {
			values, err := h.Store.Get(context.Background(), a, b)
			if err != nil || string(values[0]) != string(values[1]) {
				t.Errorf("read half a commit: %q, %v", values, err)
				break
			}
		}
		wg.Wait()
	})
}

// race lets callers commit at once and counts those who succeed; any error but
// a conflict fails the test.
func race(t *testing.T, callers int, commit func(caller int) error) int {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for caller := range callers {
		wg.Go(func() {
			<-start
			err := commit(caller)
			switch conflict := (*state.ConflictError)(nil); {
			case err == nil:
				won.Add(1)
			case !errors.As(err, &conflict):
				t.Errorf("caller %d: %v", caller, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}
