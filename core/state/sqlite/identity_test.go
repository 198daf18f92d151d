package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/internal/testkit"
)

// TestNothingIsWrittenToFilesThatLostTheirNames: it would be lost with the process.
func TestNothingIsWrittenToFilesThatLostTheirNames(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", ".lock"} {
		t.Run("state.db"+suffix, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s := open(t, Options{Path: path, sweepEvery: time.Millisecond})
			seq := 0
			commit := func() error {
				err := s.Commit(context.Background(), state.Append("j", seq, []byte("entry")))
				if err == nil {
					seq++
				}
				return err
			}
			// until commits as long as commits end the other way.
			until := func(fail bool) (err error) {
				testkit.Eventually(t, time.Minute, "commits end the other way", func() bool {
					err = commit()
					return (err != nil) == fail
				})
				return err
			}
			if err := commit(); err != nil {
				t.Fatal(err)
			}
			name, aside := path+suffix, path+suffix+".aside"
			if err := os.Rename(name, aside); err != nil {
				t.Fatal(err)
			}
			if err := until(true); !errors.Is(err, state.ErrUnavailable) || !errors.Is(err, ErrRemoved) {
				t.Errorf("removed: %v", err)
			}
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := commit(); !errors.Is(err, ErrRemoved) {
				t.Errorf("replaced: %v", err)
			}
			if err := os.Rename(aside, name); err != nil {
				t.Fatal(err)
			}
			if err := until(false); err != nil {
				t.Errorf("put back: %v", err)
			}
			if entries, err := s.Journal(t.Context(), "j", 0, 10_000); err != nil || len(entries) != seq {
				t.Errorf("%d entries of %d, %v", len(entries), seq, err)
			}
		})
	}
}
