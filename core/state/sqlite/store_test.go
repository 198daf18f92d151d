package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/statetest"
	"github.com/backflow/backflow/internal/testkit"
)

func TestMain(m *testing.M) {
	if os.Getenv(childPath) != "" {
		if err := runChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// startTime is what the clocks of tests show first.
var startTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

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

func TestSQLiteStoreKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(t *testing.T) statetest.Harness {
		clock := testkit.NewClock(startTime)
		o := Options{Path: filepath.Join(t.TempDir(), "data", "state.db"), Now: clock.Now}
		s := open(t, o)
		return statetest.Harness{
			Store:   s,
			Tick:    time.Second,
			Advance: clock.Advance,
			Reopen: func(t *testing.T) state.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, o)
			},
		}
	})
}

func TestAFileWithTwoNamesIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	store, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, path+".other"); err != nil {
		t.Skip("no hard links here: ", err)
	}
	for _, name := range []string{path, path + ".other"} {
		if _, err := Open(t.Context(), Options{Path: name}); err == nil || !strings.Contains(err.Error(), "hard links") {
			t.Errorf("open %s: %v", filepath.Base(name), err)
		}
	}
}
