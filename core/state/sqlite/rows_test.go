package sqlite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/state"
)

// Rows are inserted many at once, in blocks: whatever number comes together in a
// transaction, each is there, in order, and what is removed after it was added
// is not.
func TestEveryRowOfATransactionIsInserted(t *testing.T) {
	t.Parallel()
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
		got, err := s.Journal(t.Context(), set, 0, 10_000)
		if err != nil || !slices.EqualFunc(got, entries, func(a []byte, b string) bool { return string(a) == b }) {
			t.Errorf("%d together: entries %q, %v", count, got, err)
		}
		for i := range count {
			got, err := s.Journal(t.Context(), fmt.Sprintf("%s%03d", set, i), 0, 10_000)
			if err != nil || (len(got) == 1) != (i > 0) {
				t.Errorf("%d together: journal %d has %d entries, %v", count, i, len(got), err)
			}
		}
	}
}

// Changes of one kind wait for each other, but the last of those about one thing
// is what holds.
func TestChangesOfOneThingApplyInTheirOrder(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "state.db")})
	put := func(id, value string) state.Op { return state.Put("b", id, []byte(value), 0) }
	err := s.Commit(t.Context(), put("old", "0"), state.Add("s", "old"))
	if err == nil {
		err = s.Commit(t.Context(),
			put("deleted", "1"), state.Delete("b", "deleted"),
			put("twice", "1"), put("other", "1"), put("twice", "2"),
			put("again", "1"), state.Delete("b", "again"), put("again", "2"),
			put("old", "1"), state.Replace("b", "old", []byte("2")),
			state.Add("s", "removed"), state.Remove("s", "removed"),
			state.Remove("s", "old"), state.Add("s", "old"),
			state.Add("s", "back"), state.Remove("s", "back"), state.Add("s", "back"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"deleted": "", "twice": "2", "other": "1", "again": "2", "old": "2"} {
		if got, err := s.Get(t.Context(), state.Ref{Bucket: "b", ID: id}); err != nil || string(got[0]) != want || (got[0] == nil) != (want == "") {
			t.Errorf("%s: got %q, %v, want %q", id, got, err, want)
		}
	}
	if got, err := s.Range(t.Context(), state.Range{Set: "s", Limit: 9}); err != nil || !slices.Equal(got, []string{"back", "old"}) {
		t.Errorf("members %q, %v", got, err)
	}
}

// A member that is removed is looked up, whatever else the set holds.
func TestRemovalsFindTheirMembersByTheIndex(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "state.db")})
	var id, parent, unused int
	var plan string // its first line
	if err := s.reads.db.QueryRowContext(t.Context(),
		"EXPLAIN QUERY PLAN DELETE FROM member WHERE (name, member) IN (VALUES (?,?),(?,?))", "a", "b", "c", "d",
	).Scan(&id, &parent, &unused, &plan); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "SEARCH member USING") {
		t.Errorf("the plan begins with %q", plan)
	}
}
