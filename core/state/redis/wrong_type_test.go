package redis

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
)

// TestWhatIsOfAnotherTypeIsNeitherMissingNorAConflict: another program has written at
// one key of each kind.
func TestWhatIsOfAnotherTypeIsNeitherMissingNorAConflict(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	s := open(t, Options{URL: server.URL(), Prefix: "test-types:"})
	client := server.Client()
	t.Cleanup(func() { _ = client.Close() }) // nothing of it is asked for any more
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Commit(ctx, state.Put("b", "sound", []byte("1"), 0)))
	must(client.HSet(ctx, "test-types:r:b:hash", "a", 1).Err())
	must(client.Set(ctx, "test-types:j:text", "x", 0).Err())
	must(client.RPush(ctx, "test-types:s:list", "x").Err())
	must(client.Set(ctx, "test-types:t:text", "x", 0).Err())

	hash, sound, missing := state.Ref{Bucket: "b", ID: "hash"}, state.Ref{Bucket: "b", ID: "sound"}, state.Ref{Bucket: "b", ID: "missing"}
	for _, refs := range [][]state.Ref{{hash}, {sound, hash, missing}} {
		values, err := s.Get(ctx, refs...)
		must(err)
		for i, ref := range refs {
			want := map[state.Ref]string{hash: "[]", sound: "[49]", missing: "[] nil"}[ref]
			got := fmt.Sprint(values[i])
			if values[i] == nil {
				got += " nil"
			}
			if got != want {
				t.Errorf("%s of %v: %s, want %s", ref.ID, refs, got, want)
			}
		}
	}
	_, journal := s.Journal(ctx, "text", 0, 1)
	_, members := s.Range(ctx, state.Range{Set: "list", Limit: 1})
	_, counts := s.Count(ctx, "list")
	_, _, due := s.Due(ctx, "text", 1)
	for name, err := range map[string]error{"journal": journal, "range": members, "count": counts, "due": due} {
		if !errors.Is(err, state.ErrCorrupt) || errors.Is(err, state.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Each beside a sound op, of which nothing is applied, and while others commit.
	var others sync.WaitGroup
	for i := range 50 {
		others.Go(func() {
			if err := s.Commit(ctx, state.Put("b", fmt.Sprint("other-", i), nil, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	for name, op := range map[string]state.Op{
		"append": state.Append("text", 0, []byte("e")), "required value": state.RequireValue("b", "hash", []byte("1")),
		"add": state.Add("list", "m"), "remove": state.Remove("list", "x"),
		"timer": state.SetTimerAfter("text", "t", 0), "cleared timer": state.ClearTimer("text", "t"), "due timer": state.RequireDue("text", "t"),
	} {
		var refused *state.RefusedError
		err := s.Commit(ctx, state.Put("b", "beside", []byte("x"), 0), op)
		if !errors.As(err, &refused) || refused.Index != 1 || errors.Is(err, state.ErrUnavailable) || errors.As(err, new(*state.ConflictError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	others.Wait()
	if beside, err := s.Get(ctx, state.Ref{Bucket: "b", ID: "beside"}); err != nil || beside[0] != nil {
		t.Errorf("half a commit was applied: %q, %v", beside, err)
	}
	// A write that asks for nothing mends the record, also in one commit with others.
	must(s.Commit(ctx, state.Delete("b", "hash"), state.Put("b", "hash", []byte("2"), 0)))
	must(s.Commit(ctx, state.RequireValue("b", "hash", []byte("2"))))
	must(s.Commit(ctx, state.DropJournal("text")))
	must(s.Commit(ctx, state.Append("text", 0, []byte("e"))))
}
