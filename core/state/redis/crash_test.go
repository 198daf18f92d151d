package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/core/state/statetest"
	"github.com/backflow/backflow/internal/testkit"
)

// TestKilledServerLosesNothingAcknowledged kills Redis under load; the store
// connects again by itself and no commit fails.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: always})
	s := open(t, Options{URL: server.URL(), RetryFor: time.Minute})
	var mu sync.Mutex
	var acknowledged []string
	ctx, cancel := context.WithCancel(t.Context())
	loaded := make(chan error, 1)
	go func() {
		loaded <- statetest.Load(ctx, s, "r", func(id string) {
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, id)
		})
	}()
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	for range 5 {
		until := count() + 1 + rand.IntN(500)
		testkit.Eventually(t, time.Minute, "more commits are acknowledged", func() bool { return count() >= until })
		server.Kill()
		server.Restart()
	}
	until := count() + 1
	testkit.Eventually(t, time.Minute, "a commit is acknowledged", func() bool { return count() >= until })
	cancel()
	if err := <-loaded; err != nil {
		t.Fatalf("a commit failed: %v", err)
	}
	statetest.Verify(t, s, []string{"r"}, acknowledged)
	// Every commit returned, so nothing was applied that was not acknowledged,
	// and nothing twice.
	total := 0
	for worker := range 8 {
		entries, err := s.Journal(t.Context(), fmt.Sprintf("r-%d", worker), 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		total += len(entries)
	}
	if total != len(acknowledged) {
		t.Errorf("%d commits were acknowledged and %d applied", len(acknowledged), total)
	}
	t.Logf("5 kills, %d acknowledged commits", len(acknowledged))
}
