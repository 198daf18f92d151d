package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
)

const (
	// maxRuns is how often a call is run at most that other transactions stop.
	maxRuns = 10
	// maxPause is the longest pause before a further run. Each may be twice as long as
	// the one before, from firstPause on.
	maxPause   = 250 * time.Millisecond
	firstPause = 5 * time.Millisecond
)

// failed is how a run of a call failed; err is nil where it did not.
type failed struct {
	// err is an *sdk.Error, for the caller.
	err error
	// cause is the error of the database, nil for none.
	cause error
	// harmless: nothing was done that a lost connection could leave in doubt.
	harmless bool
}

// repeat runs a call until it need not be run again.
func (s *Store) repeat(ctx context.Context, run func() ([]byte, failed)) ([]byte, error) {
	var seen runs
	for {
		body, failed := run()
		if failed.err == nil {
			return body, nil
		}
		if failed.cause == nil || ctx.Err() != nil || !s.again(failed, &seen) || !pause(ctx, seen.stopped) {
			return nil, failed.err
		}
	}
}

// runs count why a call was run again: others stopped it, what was known of the schema
// was out of date, or its connection did not do.
type runs struct{ stopped, changed, unfit int }

// connections is how many the pool may hold, all of which may be dead, or have prepared
// what does not fit any more.
func (s *Store) connections() int { return s.db.Stats().MaxOpenConnections }

// again reports whether a call is to be run again, which changed nothing: other
// transactions stopped it; what was known of the schema was out of date, and is read
// anew, or what its connection had prepared was; or the connection was dead before it did
// anything, as all are after a restart of the server. A value that does not fit may be one
// for a column that has another type now.
func (s *Store) again(f failed, seen *runs) bool {
	var known *sdk.Error
	if !errors.As(f.err, &known) || known.Outcome != sdk.OutcomeNotExecuted {
		return false
	}
	switch s.Classify(f.cause, nil).Condition {
	case driver.Deadlock, driver.Serialization:
		seen.stopped++
		return seen.stopped < maxRuns
	case driver.UndefinedTable, driver.UndefinedColumn, driver.TypeMismatch:
		seen.changed++
		return seen.changed == 1
	case driver.SchemaChanged:
		seen.unfit++
		return seen.unfit <= s.connections()
	case driver.Unreachable:
		seen.unfit++
		return f.harmless && seen.unfit <= s.connections()
	}
	return false
}

// pause waits before a further run of a call that others have stopped so many times, by
// chance, so that they do not meet again. It returns false if the call ends before.
func pause(ctx context.Context, stopped int) bool {
	if stopped == 0 {
		return true
	}
	longest := min(maxPause, firstPause<<min(stopped, 10))
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
