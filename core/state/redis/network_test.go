package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/internal/testkit"
)

func TestLostRepliesAreRepeatedAndAppliedOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	p := testkit.StartProxy(t, server.Addr())
	s := open(t, Options{URL: "redis://" + p.Addr(), RetryFor: time.Minute})
	for name, cut := range map[string]func(testkit.Passing) bool{
		"before": func(chunk testkit.Passing) bool { return !chunk.Reply && rand.IntN(4) == 0 },
		"after":  func(chunk testkit.Passing) bool { return chunk.Reply && rand.IntN(4) == 0 },
	} {
		p.SetCut(cut)
		var wg sync.WaitGroup
		for caller := range 4 {
			wg.Go(func() {
				journal := fmt.Sprint(name, caller)
				for seq := range 40 {
					if err := s.Commit(t.Context(), state.Append(journal, seq, nil)); err != nil {
						t.Errorf("%s: entry %d: %v", journal, seq, err)
						return
					}
					// A conflict stays a conflict, also when the call is repeated.
					var conflict *state.ConflictError
					if err := s.Commit(t.Context(), state.Append(journal, seq, nil)); !errors.As(err, &conflict) {
						t.Errorf("%s: entry %d again: %v", journal, seq, err)
						return
					}
				}
			})
		}
		wg.Wait()
		p.SetCut(nil)
		for caller := range 4 {
			entries, err := s.Journal(t.Context(), fmt.Sprint(name, caller), 0, 10_000)
			if err != nil || len(entries) != 40 {
				t.Errorf("%s: %d entries, %v", name, len(entries), err)
			}
		}
	}
}

func TestOutageIsUnavailableAndPasses(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AppendFsync: always})
	s := open(t, Options{URL: server.URL(), RetryFor: 50 * time.Millisecond})
	put := func() error { return s.Commit(t.Context(), state.Put("r", "a", []byte("1"), 0)) }
	if err := put(); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := put(); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Commit: got %v, want ErrUnavailable", err)
	}
	if _, err := s.Get(t.Context(), state.Ref{Bucket: "r", ID: "a"}); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Get: got %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, state.Put("r", "a", nil, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit with an ended context: got %v", err)
	}
	server.Restart()
	if err := put(); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestRefusedWritesApplyNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	s := open(t, Options{URL: server.URL()})
	client := server.Client()
	defer func() { _ = client.Close() }() // nothing of it matters any more
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	err := s.Commit(t.Context(), state.Delete("r", "b"), state.Put("r", "a", nil, 0))
	if !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("out of memory: got %v, want ErrUnavailable", err)
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), state.Insert("r", "a", nil, 0)); err != nil {
		t.Errorf("with memory again: %v", err)
	}
}

func TestForgottenScriptsAreSentAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	s := open(t, Options{URL: server.URL()})
	client := server.Client()
	defer func() { _ = client.Close() }() // nothing of it matters any more
	for i := range 3 {
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), state.Append("j", i, nil)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Due(t.Context(), "q", 1); err != nil {
			t.Fatal(err)
		}
	}
}
