package statetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

// testDifferential gives the same random commits and reads to the memory store
// and to the store under test, and wants the same results. Clocks are left out:
// timers are years away from now, and records live long or for ever.
func testDifferential(t *testing.T, factory Factory) {
	promise(t, factory, "randomOperationsGiveTheSameResults", func(t *testing.T, h Harness) {
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			names := namespace(fmt.Sprintf("%d/", round))
			reference := memory.New(memory.Options{})
			rt.Repeat(map[string]func(*rapid.T){
				"commit": func(rt *rapid.T) {
					ops := rapid.SliceOfN(rapid.Custom(names.op), 1, 6).Draw(rt, "ops")
					want := reference.Commit(context.Background(), ops...)
					got := h.Store.Commit(context.Background(), ops...)
					if outcome(want) != outcome(got) {
						rt.Fatalf("commit %v: got %v, want %v", ops, got, want)
					}
				},
				"": func(rt *rapid.T) {
					page := state.Range{
						Reverse: rapid.Bool().Draw(rt, "reverse"),
						After:   rapid.SampledFrom(append([]string{""}, fewIDs...)).Draw(rt, "after"),
						Limit:   rapid.IntRange(1, 6).Draw(rt, "limit"),
					}
					want, got := names.contents(rt, reference, page), names.contents(rt, h.Store, page)
					if want != got {
						rt.Fatalf("contents differ\n got: %s\nwant: %s", got, want)
					}
				},
			})
		})
	})
}

// outcome returns what must be equal about two errors.
func outcome(err error) string {
	var conflict *state.ConflictError
	if errors.As(err, &conflict) {
		return fmt.Sprintf("conflict at %d", conflict.Index)
	}
	return fmt.Sprint(err)
}

// namespace keeps the rounds of one store apart: it begins every bucket, set,
// queue and journal.
type namespace string

var (
	fewIDs    = []string{"a", "a\x00", "ab", "b", "\xff"}
	fewValues = [][]byte{nil, []byte("1"), []byte("\x00\xff")}
	fewTimes  = []time.Time{
		time.Date(2001, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2900, 1, 1, 0, 0, 0, 0, time.UTC),
	}
)

// op draws any op; conditions are likely enough to hold.
func (n namespace) op(rt *rapid.T) state.Op {
	kinds := []state.Kind{
		state.KindInsert, state.KindPut, state.KindReplace, state.KindDelete, state.KindRequire, state.KindRequireValue,
		state.KindAdd, state.KindRemove, state.KindAppend, state.KindAppend, state.KindDropJournal,
		state.KindSetTimer, state.KindClearTimer, state.KindRequireDue,
	}
	op := state.Op{
		Kind:  rapid.SampledFrom(kinds).Draw(rt, "kind"),
		Space: string(n) + rapid.SampledFrom([]string{"x", "x:"}).Draw(rt, "space"),
		ID:    rapid.SampledFrom(fewIDs).Draw(rt, "id"),
	}
	switch op.Kind {
	case state.KindAppend, state.KindDropJournal:
		op.Space, op.ID = "", string(n)+op.ID
		op.Seq = rapid.IntRange(0, 3).Draw(rt, "seq")
	case state.KindSetTimer:
		op.At = rapid.SampledFrom(fewTimes).Draw(rt, "at")
	case state.KindInsert, state.KindPut:
		op.TTL = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "ttl")
	}
	op.Value = rapid.SampledFrom(fewValues).Draw(rt, "value")
	return op
}

// contents reads what the ops can have touched, sets and timers by page.
func (n namespace) contents(rt *rapid.T, s state.Store, page state.Range) string {
	ctx := context.Background()
	var text []byte
	must := func(err error) {
		if err != nil {
			rt.Fatalf("read: %v", err)
		}
	}
	for _, space := range []string{string(n) + "x", string(n) + "x:"} {
		var refs []state.Ref
		for _, id := range fewIDs {
			refs = append(refs, state.Ref{Bucket: space, ID: id})
		}
		values, err := s.Get(ctx, refs...)
		must(err)
		for _, value := range values {
			text = fmt.Appendf(text, "%q %t ", value, value == nil)
		}
		page.Set = space
		members, err := s.Range(ctx, page)
		must(err)
		timers, next, err := s.Due(ctx, space, page.Limit)
		must(err)
		count, err := s.Count(ctx, space)
		must(err)
		text = fmt.Appendf(text, "members %q of %d timers %v next %t\n", members, count, timers, next > 0)
	}
	for _, id := range fewIDs {
		entries, err := s.Journal(ctx, string(n)+id, page.Limit-2, page.Limit)
		must(err)
		text = fmt.Appendf(text, "%q ", entries)
	}
	return string(text)
}
