package statetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/backflow/backflow/core/state"
)

func testJournal(t *testing.T, factory Factory) {
	promise(t, factory, "unknownIsEmpty", func(t *testing.T, h Harness) {
		if got := journal(t, h.Store, "j", 0); len(got) != 0 {
			t.Errorf("got %q", got)
		}
	})
	promise(t, factory, "appendFailsUnlessNext", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 0, state.Append("j", 1, []byte("x")))
		commit(t, h.Store, state.Append("j", 0, []byte("0")))
		conflict(t, h.Store, 0, state.Append("j", 0, []byte("x")))
		conflict(t, h.Store, 0, state.Append("j", 2, []byte("x")))
		commit(t, h.Store, state.Append("j", 1, []byte("1")))
		if got := journal(t, h.Store, "j", 0); !slices.Equal(got, []string{"0", "1"}) {
			t.Errorf("got %q", got)
		}
	})
	promise(t, factory, "appendsOfOneCommitNumberOn", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.Append("j", 0, []byte("0")), state.Append("k", 0, []byte("k")), state.Append("j", 1, []byte("1")))
		conflict(t, h.Store, 1, state.Append("j", 2, []byte("2")), state.Append("j", 2, []byte("x")))
		conflict(t, h.Store, 1, state.Append("j", 2, []byte("2")), state.Append("j", 4, []byte("x")))
		commit(t, h.Store, state.Append("j", 2, []byte("2")), state.Append("j", 3, []byte("3")))
		if got := journal(t, h.Store, "j", 0); !slices.Equal(got, []string{"0", "1", "2", "3"}) {
			t.Errorf("got %q", got)
		}
	})
	promise(t, factory, "readsFromANumber", func(t *testing.T, h Harness) {
		for i, entry := range []string{"a", "b", "c"} {
			commit(t, h.Store, state.Append("j", i, []byte(entry)))
		}
		for from, want := range map[int][]string{-5: {"a", "b", "c"}, 0: {"a", "b", "c"}, 1: {"b", "c"}, 2: {"c"}, 3: {}, 99: {}} {
			if got := journal(t, h.Store, "j", from); !slices.Equal(got, want) {
				t.Errorf("from %d: got %q, want %q", from, got, want)
			}
		}
	})
	promise(t, factory, "readsNoMoreThanTheLimit", func(t *testing.T, h Harness) {
		for i, entry := range []string{"a", "b", "c"} {
			commit(t, h.Store, state.Append("j", i, []byte(entry)))
		}
		for _, test := range []struct {
			from, limit int
			want        string
		}{{0, 1, "a"}, {0, 2, "ab"}, {1, 1, "b"}, {1, 2, "bc"}, {2, 9, "c"}, {3, 1, ""}, {-2, 1, "a"}} {
			found, err := h.Store.Journal(t.Context(), "j", test.from, test.limit)
			if got := string(bytes.Join(found, nil)); err != nil || got != test.want {
				t.Errorf("from %d, limit %d: got %q, %v, want %q", test.from, test.limit, got, err, test.want)
			}
		}
		if _, err := h.Store.Journal(t.Context(), "j", 0, 0); !errors.Is(err, state.ErrInvalid) {
			t.Errorf("got %v, want ErrInvalid", err)
		}
	})
	promise(t, factory, "dropRemovesAllAndStartsAtZero", func(t *testing.T, h Harness) {
		commit(t, h.Store, state.DropJournal("j"))
		commit(t, h.Store, state.Append("j", 0, nil), state.Append("j", 1, nil), state.Append("k", 0, nil))
		commit(t, h.Store, state.DropJournal("j"))
		if got := journal(t, h.Store, "j", 0); len(got) != 0 {
			t.Errorf("a dropped journal holds %q", got)
		}
		if got := journal(t, h.Store, "k", 0); len(got) != 1 {
			t.Errorf("another journal holds %q", got)
		}
		conflict(t, h.Store, 0, state.Append("j", 2, nil))
		commit(t, h.Store, state.Append("j", 0, []byte("anew")))
	})
	promise(t, factory, "aConflictLeavesTheNumberFree", func(t *testing.T, h Harness) {
		conflict(t, h.Store, 1, state.Append("j", 0, []byte("x")), state.Require("r", "absent"))
		commit(t, h.Store, state.Append("j", 0, []byte("0")))
	})
	promise(t, factory, "idsHoldAnyBytes", func(t *testing.T, h Harness) {
		for _, id := range oddNames {
			commit(t, h.Store, state.Append(id, 0, []byte("in "+id)))
		}
		for _, id := range oddNames {
			if got := journal(t, h.Store, id, 0); !slices.Equal(got, []string{"in " + id}) {
				t.Errorf("journal %q holds %q", id, got)
			}
		}
	})
}
