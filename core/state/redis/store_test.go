package redis

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/core/state/statetest"
)

func TestMain(m *testing.M) {
	SetDriverLogger(slog.New(slog.DiscardHandler)) // connections are cut on purpose
	goleak.VerifyTestMain(m)
}

// open opens a store that ends with the test.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRedisStoreKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	statetest.Run(t, func(t *testing.T) statetest.Harness {
		o := Options{URL: server.URL(), Prefix: "test-" + uuid.NewString() + ":"}
		s := open(t, o)
		t.Cleanup(func() { noStrayKeys(t, server, o.Prefix) })
		return statetest.Harness{
			Store:   s,
			Tick:    50 * time.Millisecond,
			Advance: func(d time.Duration) { time.Sleep(d + 2*time.Millisecond) },
			Reopen: func(t *testing.T) state.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, o)
			},
		}
	})
}

// noStrayKeys fails the test if there are keys outside the prefixes of tests.
func noStrayKeys(t *testing.T, server *redistest.Server, prefix string) {
	client := server.Client()
	defer func() { _ = client.Close() }() // only read from
	found := client.Scan(context.Background(), 0, "*", 1000).Iterator()
	own := 0
	for found.Next(context.Background()) {
		key := found.Val()
		if strings.HasPrefix(key, prefix) {
			own++
		}
		if !strings.HasPrefix(key, "test-") && !strings.HasPrefix(key, "redistest:") {
			t.Errorf("key %q has no prefix", key)
		}
	}
	if err := found.Err(); err != nil || own == 0 {
		t.Errorf("%d keys have the prefix, %v", own, err)
	}
}
