package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/backflow/backflow/core/state/statetest"
)

// Environment of a child process of the crash test.
const (
	childPath  = "BACKFLOW_TEST_SQLITE_PATH"
	childRound = "BACKFLOW_TEST_SQLITE_ROUND"
)

// runChild is what the killed process does.
func runChild() error {
	s, err := Open(context.Background(), Options{Path: os.Getenv(childPath)})
	if err != nil {
		return err
	}
	return statetest.ServeLoad(s, os.Getenv(childRound), os.Stdout)
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	var rounds, acknowledged []string
	for range 6 {
		round := fmt.Sprintf("r%d", len(rounds))
		rounds = append(rounds, round)
		child := statetest.StartChild(t, childPath+"="+path, childRound+"="+round)
		ids := child.KillAfter(t, 1+rand.IntN(600))
		acknowledged = append(acknowledged, ids...)

		// The lock went with the process, and the store opens at once.
		s, err := Open(context.Background(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		statetest.Verify(t, s, rounds, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := pragma(t, path, "integrity_check"); got != "ok" {
			t.Fatalf("integrity_check: %s", got)
		}
	}
	t.Logf("%d kills, %d acknowledged commits", len(rounds), len(acknowledged))
}
