// Package outage logs failures that last and that many operations notice: one
// line when an outage begins, one a minute while it lasts, and one when it ends.
//
// The package imports nothing of the project.
package outage

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// summaryEvery is how often an outage is logged while it lasts.
	summaryEvery = time.Minute
	// forgetAfter is how long an operation that failed, and was not retried
	// since, keeps an outage from ending.
	forgetAfter = time.Minute
)

// Messages are what is logged of an outage. Durations are in milliseconds.
type Messages struct {
	Level               slog.Level // of the first line
	Begins, Lasts, Ends string
}

// Trouble returns the messages for a dependency, named as in "the state store".
func Trouble(what string) Messages {
	return Messages{
		Level:  slog.LevelError,
		Begins: "trouble with " + what + "; trying again",
		Lasts:  "still trouble with " + what + "; trying again",
		Ends:   "no more trouble with " + what,
	}
}

// Log logs the outages of one dependency, such as the state store, that several
// operations use. An outage begins when the first of them fails. It ends when
// each that failed has succeeded again, or was not retried for a minute. A Log is
// safe for concurrent use.
type Log struct {
	*outages
	messages Messages
}

// outages is the state that all logs of one dependency share.
type outages struct {
	logger *slog.Logger

	failing atomic.Bool // read by Note without the lock

	mu       sync.Mutex           // guards the fields below
	failed   map[string]time.Time // when operations that have not succeeded since failed last
	messages Messages             // of the Log that noticed the outage first
	since    time.Time            // when the outage began
	logged   time.Time            // when it was logged last
	failures int
}

// New returns a log of one dependency.
func New(logger *slog.Logger, messages Messages) *Log {
	return &Log{&outages{logger: logger, failed: map[string]time.Time{}}, messages}
}

// Share returns a log of the same dependency for another part of the program: an
// outage that both notice is logged once, with the messages of the first.
func (l *Log) Share(messages Messages) *Log { return &Log{l.outages, messages} }

// Lasts reports whether there is an outage: an operation has failed that has not
// succeeded since.
func (l *Log) Lasts() bool { return l.failing.Load() }

// Note records the result of an operation that is retried when it fails; err is
// nil if it succeeded.
func (l *Log) Note(operation string, err error) {
	if err == nil {
		l.succeeded(operation)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	begins := len(l.failed) == 0
	l.failed[operation] = now
	if begins {
		l.since, l.logged, l.failures = now, now, 0
		l.outages.messages = l.messages
		l.failing.Store(true)
		l.log(l.messages.Level, l.messages.Begins, "operation", operation, "error", err)
	}
	l.failures++
	if now.Sub(l.logged) >= summaryEvery {
		l.logged = now
		l.log(slog.LevelError, l.outages.messages.Lasts, "operation", operation, "error", err,
			"forMs", now.Sub(l.since).Milliseconds(), "failures", l.failures)
	}
}

func (o *outages) succeeded(operation string) {
	if !o.failing.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.failed) == 0 {
		return // another operation has ended it
	}
	delete(o.failed, operation)
	maps.DeleteFunc(o.failed, func(_ string, last time.Time) bool { return time.Since(last) > forgetAfter })
	if len(o.failed) > 0 {
		return
	}
	o.failing.Store(false)
	o.log(slog.LevelInfo, o.messages.Ends, "afterMs", time.Since(o.since).Milliseconds(), "failures", o.failures)
}

func (o *outages) log(level slog.Level, message string, attrs ...any) {
	o.logger.Log(context.Background(), level, message, attrs...)
}
