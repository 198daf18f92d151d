// Package outage tells of trouble that lasts and that many notice: a line when it
// begins, one a minute while it lasts, and one when it is over.
//
// It imports nothing of the project.
package outage

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// summaryEvery is how often an outage is told of while it lasts.
	summaryEvery = time.Minute
	// triedWithin is after what time an operation that failed is not waited for
	// any more: nobody tries it again.
	triedWithin = time.Minute
)

// Log tells of the outages of one thing, such as the state store. Several
// operations may need it: an outage begins when the first of them fails, and is
// over when each that failed has worked again, or was not tried again for a
// minute. A Log is safe for concurrent use.
type Log struct {
	logger *slog.Logger
	what   string

	failing atomic.Bool // what Note looks at without the lock

	mu       sync.Mutex           // guards the fields below
	broken   map[string]time.Time // operations that have not worked since they failed last
	since    time.Time            // when the outage began
	told     time.Time            // when it was told of last
	failures int
}

// New makes a log for a thing, named as in "the state store".
func New(logger *slog.Logger, what string) *Log {
	return &Log{logger: logger, what: what, broken: map[string]time.Time{}}
}

// Note says how an operation ended that is tried again if it failed: err is nil
// if it worked.
func (l *Log) Note(operation string, err error) {
	if err == nil {
		l.worked(operation)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	begins := len(l.broken) == 0
	l.broken[operation] = now
	if begins {
		l.since, l.told, l.failures = now, now, 0
		l.failing.Store(true)
		l.logger.Error("trouble with "+l.what+"; trying again", "operation", operation, "error", err)
	}
	l.failures++
	if now.Sub(l.told) >= summaryEvery {
		l.told = now
		l.logger.Error("still trouble with "+l.what+"; trying again", "operation", operation, "error", err,
			"for", now.Sub(l.since).Round(time.Second), "failures", l.failures)
	}
}

func (l *Log) worked(operation string) {
	if !l.failing.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.broken) == 0 {
		return // another operation told it
	}
	delete(l.broken, operation)
	maps.DeleteFunc(l.broken, func(_ string, last time.Time) bool { return time.Since(last) > triedWithin })
	if len(l.broken) > 0 {
		return
	}
	l.failing.Store(false)
	l.logger.Info("no more trouble with "+l.what, "after", time.Since(l.since).Round(time.Millisecond), "failures", l.failures)
}
