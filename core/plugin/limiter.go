package plugin

import (
	"context"
	"sync/atomic"
	"time"
)

// queueFactor times the concurrency is how many calls may wait. With more,
// callers would give up before their call ran.
const queueFactor = 8

// limiter bounds how many calls run at once and how many wait.
type limiter struct {
	slots   chan struct{}
	waiting atomic.Int64
}

func newLimiter(concurrency int) *limiter {
	return &limiter{slots: make(chan struct{}, concurrency)}
}

// acquireResult is the outcome of acquire.
type acquireResult int

const (
	admitted acquireResult = iota
	queueFull
	timedOut
)

// acquire waits for a turn until ctx ends or the deadline passes. A caller that is
// admitted must call release.
func (l *limiter) acquire(ctx context.Context, deadline time.Time) acquireResult {
	select {
	case l.slots <- struct{}{}:
		return admitted
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > int64(cap(l.slots)*queueFactor) {
		return queueFull
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
		return admitted
	case <-ctx.Done():
		return timedOut
	}
}

func (l *limiter) release() { <-l.slots }
