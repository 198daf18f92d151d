package sqlite

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/backflow/backflow/core/state"
)

// Rows are inserted many at once, in blocks: whatever number comes together in a
// transaction, each is there, in order, and what is removed after it was added
// is not.
func TestEveryRowOfATransactionIsInserted(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, count := range []int{1, 3, 4, 5, 15, 16, 17, 21, 100} {
		set := fmt.Sprint("set", count)
		var ops []state.Op
		var members, entries []string
		for i := range count {
			entry := fmt.Sprintf("%03d", i)
			ops = append(ops, state.Add(set, entry), state.Append(set, i, []byte(entry)), state.Append(set+entry, 0, nil))
			entries = append(entries, entry)
			if i%3 == 1 {
				ops = append(ops, state.Remove(set, entry))
			} else {
				members = append(members, entry)
			}
		}
		ops = append(ops, state.DropJournal(set+"000"))
		if err := s.Commit(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Range(t.Context(), state.Range{Set: set, Limit: count}); err != nil || !slices.Equal(got, members) {
			t.Errorf("%d together: members %v, %v", count, got, err)
		}
		got, err := s.Journal(t.Context(), set, 0)
		if err != nil || !slices.EqualFunc(got, entries, func(a []byte, b string) bool { return string(a) == b }) {
			t.Errorf("%d together: entries %q, %v", count, got, err)
		}
		for i := range count {
			got, err := s.Journal(t.Context(), fmt.Sprintf("%s%03d", set, i), 0)
			if err != nil || (len(got) == 1) != (i > 0) {
				t.Errorf("%d together: journal %d has %d entries, %v", count, i, len(got), err)
			}
		}
	}
}
