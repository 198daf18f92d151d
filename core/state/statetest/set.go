package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/backflow/backflow/core/state"
)

func testSet(t *testing.T, factory Factory) {
	fill := func(t *testing.T, s state.Store, members ...string) {
		t.Helper()
		for _, m := range members {
			commit(t, s, state.Add("s", m))
		}
	}
	want := func(t *testing.T, s state.Store, r state.Range, members ...string) {
		t.Helper()
		r.Set = "s"
		if r.Limit == 0 {
			r.Limit = 100
		}
		if got := list(t, s, r); !slices.Equal(got, members) {
			t.Errorf("%+v: got %q, want %q", r, got, members)
		}
	}
	promise(t, factory, "unknownIsEmpty", func(t *testing.T, h Harness) {
		want(t, h.Store, state.Range{})
	})
	promise(t, factory, "addAndRemoveTwiceAreNoFault", func(t *testing.T, h Harness) {
		fill(t, h.Store, "a", "a", "b")
		want(t, h.Store, state.Range{}, "a", "b")
		commit(t, h.Store, state.Remove("s", "a"), state.Remove("s", "a"))
		commit(t, h.Store, state.Remove("s", "a"), state.Remove("none", "a"))
		want(t, h.Store, state.Range{}, "b")
	})
	promise(t, factory, "listsInByteOrder", func(t *testing.T, h Harness) {
		sorted := slices.Clone(oddNames)
		slices.Sort(sorted)
		fill(t, h.Store, oddNames...)
		want(t, h.Store, state.Range{}, sorted...)
		slices.Reverse(sorted)
		want(t, h.Store, state.Range{Reverse: true}, sorted...)
	})
	promise(t, factory, "limitAfterReverse", func(t *testing.T, h Harness) {
		fill(t, h.Store, "a", "b", "b\x00", "b1", "b2", "b\xff", "b\xff\xff", "c", "\xff", "\xff1")
		want(t, h.Store, state.Range{Limit: 2}, "a", "b")
		want(t, h.Store, state.Range{Limit: 2, Reverse: true}, "\xff1", "\xff")
		want(t, h.Store, state.Range{After: "b", Limit: 2}, "b\x00", "b1")
		want(t, h.Store, state.Range{After: "b\x00", Limit: 1}, "b1")
		want(t, h.Store, state.Range{After: "b1", Reverse: true}, "b\x00", "b", "a")
		want(t, h.Store, state.Range{After: "bb", Limit: 1}, "b\xff")
		want(t, h.Store, state.Range{After: "b\xff", Limit: 2}, "b\xff\xff", "c")
		want(t, h.Store, state.Range{After: "z", Reverse: true, Limit: 2}, "c", "b\xff\xff")
		want(t, h.Store, state.Range{After: "\xff1"})
		want(t, h.Store, state.Range{After: "a", Reverse: true})
	})
	promise(t, factory, "pagesMeetEveryMemberOnce", func(t *testing.T, h Harness) {
		var all []string
		for i := range 50 {
			all = append(all, fmt.Sprintf("m%03d", i))
		}
		fill(t, h.Store, all...)
		for _, reverse := range []bool{false, true} {
			var got []string
			after := ""
			for {
				page := list(t, h.Store, state.Range{Set: "s", After: after, Limit: 7, Reverse: reverse})
				if len(page) == 0 {
					break
				}
				got = append(got, page...)
				after = page[len(page)-1]
			}
			if reverse {
				slices.Reverse(got)
			}
			if !slices.Equal(got, all) {
				t.Errorf("reverse %t: got %q", reverse, got)
			}
		}
	})
	promise(t, factory, "namesHoldAnyBytes", func(t *testing.T, h Harness) {
		for _, set := range oddNames {
			commit(t, h.Store, state.Add(set, "in "+set))
		}
		for _, set := range oddNames {
			if got := list(t, h.Store, state.Range{Set: set, Limit: 9}); !slices.Equal(got, []string{"in " + set}) {
				t.Errorf("set %q holds %q", set, got)
			}
		}
	})
	promise(t, factory, "countsItsMembers", func(t *testing.T, h Harness) {
		fill(t, h.Store, "a", "b", "b", "c", "\xff")
		commit(t, h.Store, state.Remove("s", "b"), state.Remove("s", "none"), state.Add("s2", "x"))
		got, err := h.Store.Count(context.Background(), "s", "none", "s2", "", "s")
		if want := []int{3, 0, 1, 0, 3}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		if got, err := h.Store.Count(context.Background()); err != nil || len(got) != 0 {
			t.Errorf("of no set: got %v, %v", got, err)
		}
	})
	promise(t, factory, "refusesLimitZero", func(t *testing.T, h Harness) {
		if _, err := h.Store.Range(context.Background(), state.Range{Set: "s"}); !errors.Is(err, state.ErrInvalid) {
			t.Errorf("got %v, want ErrInvalid", err)
		}
	})
}
