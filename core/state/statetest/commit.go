package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
)

func testCommit(t *testing.T, factory Factory) {
	promise(t, factory, "appliesAllOps", func(t *testing.T, h Harness) {
		commit(t, h.Store,
			state.Insert("r", "new", []byte("1"), 0),
			state.Put("r", "put", []byte("2"), 0),
			state.Add("s", "m"),
			state.Append("j", 0, []byte("e0")),
			state.SetTimerAfter("q", "t", 0))
		if got := get(t, h.Store, "r", "new"); string(got) != "1" {
			t.Errorf("inserted record holds %q", got)
		}
		if got := get(t, h.Store, "r", "put"); string(got) != "2" {
			t.Errorf("put record holds %q", got)
		}
		if got := list(t, h.Store, state.Range{Set: "s", Limit: 9}); !slices.Equal(got, []string{"m"}) {
			t.Errorf("set holds %q", got)
		}
		if got := journal(t, h.Store, "j", 0); !slices.Equal(got, []string{"e0"}) {
			t.Errorf("journal holds %q", got)
		}
		if got, _ := due(t, h.Store, "q", 9); !slices.Equal(got, []string{"t"}) {
			t.Errorf("due are %q", got)
		}
	})
	promise(t, factory, "appliesNothingWhenTheLastConditionFails", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "old", []byte("old"), 0), state.Append("kept", 0, []byte("e0")),
			state.Add("s", "old"), state.SetTimerAfter("q", "old", 0))
		conflict(t, h.Store, 8,
			state.Insert("r", "new", []byte("1"), 0),
			state.Put("r", "old", []byte("2"), 0),
			state.Add("s", "m"),
			state.Remove("s", "old"),
			state.Append("kept", 1, []byte("e1")),
			state.DropJournal("kept"),
			state.SetTimerAfter("q", "t", 0),
			state.ClearTimer("q", "old"),
			state.Require("r", "absent"))
		if got := get(t, h.Store, "r", "new"); got != nil {
			t.Errorf("inserted record holds %q", got)
		}
		if got := get(t, h.Store, "r", "old"); string(got) != "old" {
			t.Errorf("put record holds %q", got)
		}
		if got := list(t, h.Store, state.Range{Set: "s", Limit: 9}); !slices.Equal(got, []string{"old"}) {
			t.Errorf("set holds %q", got)
		}
		if got := journal(t, h.Store, "kept", 0); !slices.Equal(got, []string{"e0"}) {
			t.Errorf("journal holds %q", got)
		}
		if got, _ := due(t, h.Store, "q", 9); !slices.Equal(got, []string{"old"}) {
			t.Errorf("due are %q", got)
		}
	})
	promise(t, factory, "namesTheFirstConditionThatFails", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Put("r", "there", nil, 0))
		conflict(t, h.Store, 2,
			state.Put("r", "x", nil, 0),
			state.Require("r", "there"),
			state.Insert("r", "there", nil, 0),
			state.Require("r", "absent"))
	})
	promise(t, factory, "judgesConditionsAgainstTheStateBefore", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 1, state.Insert("r", "a", nil, 0), state.Require("r", "a"))
		commit(t, h.Store, state.Put("r", "a", []byte("1"), 0))
		commit(t, h.Store, state.Delete("r", "a"), state.RequireValue("r", "a", []byte("1")))
		commit(t, h.Store, state.SetTimerAfter("q", "t", 0))
		commit(t, h.Store, state.ClearTimer("q", "t"), state.RequireDue("q", "t"))
		conflict(t, h.Store, 1, state.SetTimerAfter("q", "t", 0), state.RequireDue("q", "t"))
		commit(t, h.Store, state.Append("j", 0, []byte("a")))
		commit(t, h.Store, state.DropJournal("j"), state.Append("j", 1, []byte("b")))
		if got := journal(t, h.Store, "j", 0); !slices.Equal(got, []string{"b"}) {
			t.Errorf("journal dropped and begun anew holds %q", got)
		}
	})
	promise(t, factory, "appliesOpsInOrder", func(t *testing.T, h Harness) {
		commit(t, h.Store,
			state.Put("r", "a", []byte("1"), 0), state.Put("r", "a", []byte("2"), 0),
			state.Put("r", "b", []byte("1"), 0), state.Delete("r", "b"),
			state.Add("s", "m"), state.Remove("s", "m"), state.Add("s", "m"),
			state.SetTimerAfter("q", "t", 0), state.SetTimerAfter("q", "t", time.Hour))
		if got := get(t, h.Store, "r", "a"); string(got) != "2" {
			t.Errorf("the last put does not win: %q", got)
		}
		if got := get(t, h.Store, "r", "b"); got != nil {
			t.Errorf("a deleted record holds %q", got)
		}
		if got := list(t, h.Store, state.Range{Set: "s", Limit: 9}); len(got) != 1 {
			t.Errorf("set holds %q", got)
		}
		if got, next := due(t, h.Store, "q", 9); len(got) != 0 || next < 0 {
			t.Errorf("timer moved away is due: %q, next %v", got, next)
		}
	})
	promise(t, factory, "aLaterCommitSeesAnEarlierOne", func(t *testing.T, h Harness) {
		for i := range 100 {
			commit(t, h.Store, state.Append("j", i, []byte{byte(i)}))
		}
		if got := journal(t, h.Store, "j", 0); len(got) != 100 {
			t.Errorf("%d entries, want 100", len(got))
		}
	})
	promise(t, factory, "takesManyOps", func(t *testing.T, h Harness) {
		var ops []state.Op
		for i := range 5000 {
			ops = append(ops, state.Append("j", i, nil), state.Insert("r", fmt.Sprint(i), nil, 0))
		}
		conflict(t, h.Store, len(ops), append(ops, state.Require("r", "absent"))...)
		commit(t, h.Store, ops...)
		if got := journal(t, h.Store, "j", 0); len(got) != 5000 {
			t.Errorf("%d entries, want 5000", len(got))
		}
	})
	promise(t, factory, "withoutOpsDoesNothing", func(t *testing.T, h Harness) {
		commit(t, h.Store)
	})
	promise(t, factory, "refusesWhatNoStoreCanApply", func(t *testing.T, h Harness) {
		for _, op := range []state.Op{
			{},
			{Kind: 99, Space: "r", ID: "a"},
			state.Put("", "a", nil, 0),
			state.Put("r", "", nil, 0),
			state.Put("r", "a", nil, -1),
			state.Append("j", -1, nil),
			{Kind: state.KindAppend, Space: "x", ID: "j"},
			state.Put("r", "a", make([]byte, state.MaxValue+1), 0),
		} {
			err := h.Store.Commit(context.Background(), state.Put("r", "beside", nil, 0), op)
			refused, ok := errors.AsType[*state.RefusedError](err)
			if !ok || refused.Index != 1 || !errors.Is(err, state.ErrInvalid) || errors.Is(err, state.ErrUnavailable) {
				t.Errorf("kind %d: got %v, want op 1 to be refused", op.Kind, err)
			}
		}
		large := make([]byte, state.MaxValue)
		ops := []state.Op{state.Put("r", "beside", nil, 0)}
		for i := range state.MaxCommit/state.MaxValue + 1 {
			ops = append(ops, state.Put("r", fmt.Sprint(i), large, 0))
		}
		err := h.Store.Commit(context.Background(), ops...)
		if refused, ok := errors.AsType[*state.RefusedError](err); !ok || refused.Index != -1 {
			t.Errorf("got %v, want the whole commit to be refused", err)
		}
		if got := get(t, h.Store, "r", "beside"); got != nil {
			t.Error("a refused commit was applied in part")
		}
	})
	promise(t, factory, "doesNothingWhenItsContextHasEnded", func(t *testing.T, h Harness) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := h.Store.Commit(ctx, state.Put("r", "a", nil, 0)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if got := get(t, h.Store, "r", "a"); got != nil {
			t.Error("the commit was applied")
		}
	})
}
