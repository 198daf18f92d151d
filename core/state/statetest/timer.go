package statetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
)

func testTimer(t *testing.T, factory Factory) {
	promise(t, factory, "unknownQueueHasNone", func(t *testing.T, h Harness) {
		if ids, next := due(t, h.Store, "q", 9); len(ids) != 0 || next >= 0 {
			t.Errorf("due %q, next %v", ids, next)
		}
	})
	promise(t, factory, "isDueAfterItsTimeAndNotBefore", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.SetTimerAfter("q", "t", 10*h.Tick))
		ids, next := due(t, h.Store, "q", 9)
		if len(ids) != 0 || next <= 0 || next > 10*h.Tick+time.Millisecond {
			t.Errorf("due %q, next %v", ids, next)
		}
		conflict(t, h.Store, 0, state.RequireDue("q", "t"))
		h.Advance(11 * h.Tick)
		if ids, next := due(t, h.Store, "q", 9); !slices.Equal(ids, []string{"t"}) || next >= 0 {
			t.Errorf("later: due %q, next %v", ids, next)
		}
		commit(t, h.Store, state.RequireDue("q", "t"), state.ClearTimer("q", "t"))
		conflict(t, h.Store, 0, state.RequireDue("q", "t"))
	})
	promise(t, factory, "listsTheEarliestFirstThenById", func(t *testing.T, h Harness) {
		base := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		commit(t, h.Store,
			state.SetTimer("q", "c", base), state.SetTimer("q", "b", base.Add(time.Millisecond)),
			state.SetTimer("q", "a", base), state.SetTimer("q", "z", base.Add(-time.Hour)),
			state.SetTimer("q", "ancient", time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)),
			state.SetTimer("q", "future", time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)))
		if ids, next := due(t, h.Store, "q", 9); !slices.Equal(ids, []string{"ancient", "z", "a", "c", "b"}) || next <= 0 {
			t.Errorf("due %q, next %v", ids, next)
		}
		if ids, next := due(t, h.Store, "q", 3); !slices.Equal(ids, []string{"ancient", "z", "a"}) || next <= 0 {
			t.Errorf("three of them: due %q, next %v", ids, next)
		}
	})
	promise(t, factory, "keepsItsTimeToTheMillisecondRoundedUp", func(t *testing.T, h Harness) {
		at := time.Date(2020, 1, 2, 3, 4, 5, 678_000_001, time.FixedZone("", 3600))
		commit(t, h.Store, state.SetTimer("q", "t", at))
		timers, _, err := h.Store.Due(context.Background(), "q", 1)
		if err != nil || len(timers) != 1 {
			t.Fatalf("got %v, %v", timers, err)
		}
		if want := time.Date(2020, 1, 2, 2, 4, 5, 679_000_000, time.UTC); timers[0].At != want {
			t.Errorf("got %v, want %v", timers[0].At, want)
		}
	})
	promise(t, factory, "setMovesIt", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.SetTimerAfter("q", "t", 0))
		commit(t, h.Store, state.SetTimerAfter("q", "t", time.Hour))
		if ids, next := due(t, h.Store, "q", 9); len(ids) != 0 || next <= 0 {
			t.Errorf("moved away: due %q, next %v", ids, next)
		}
		commit(t, h.Store, state.SetTimerAfter("q", "t", 0))
		if ids, next := due(t, h.Store, "q", 9); len(ids) != 1 || next >= 0 {
			t.Errorf("moved back: due %q, next %v", ids, next)
		}
	})
	promise(t, factory, "clearOfAbsentIsNoFault", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.ClearTimer("q", "t"))
	})
	promise(t, factory, "queuesAreApart", func(t *testing.T, h Harness) {
		for _, queue := range oddNames {
			var ops []state.Op
			for _, id := range oddNames {
				ops = append(ops, state.SetTimerAfter(queue, queue+id, 0))
			}
			commit(t, h.Store, ops...)
		}
		for _, queue := range oddNames {
			ids, _ := due(t, h.Store, queue, 1000)
			want := make([]string, 0, len(oddNames))
			for _, id := range oddNames {
				want = append(want, queue+id)
			}
			slices.Sort(want)
			slices.Sort(ids)
			if !slices.Equal(ids, want) {
				t.Errorf("queue %q holds %q", queue, ids)
			}
		}
	})
	promise(t, factory, "refusesLimitZero", func(t *testing.T, h Harness) {
		if _, _, err := h.Store.Due(context.Background(), "q", 0); !errors.Is(err, state.ErrInvalid) {
			t.Errorf("got %v, want ErrInvalid", err)
		}
	})
}
