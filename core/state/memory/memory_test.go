package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/state/statetest"
)

func TestMemoryStoreKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) statetest.Harness {
		var mu sync.Mutex
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		return statetest.Harness{
			Store: memory.New(memory.Options{Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			}}),
			Tick: time.Second,
			Advance: func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				now = now.Add(d)
			},
		}
	})
}
