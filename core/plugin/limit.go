package plugin

import (
	"context"
	"sync/atomic"
	"time"
)

// queueFactor times the concurrency is how many calls may wait for their turn:
// more than that would only be answered after their callers have given up.
const queueFactor = 8

// limiter bounds how many calls run at once and how many wait.
type limiter struct {
	slots   chan struct{}
	waiting atomic.Int64
}

func newLimiter(concurrency int) *limiter {
	return &limiter{slots: make(chan struct{}, concurrency)}
}

// admission is what became of a call at the limiter.
type admission int

const (
	admitted admission = iota
	overfull
	gaveUp
)

// enter waits for a turn until ctx ends or the deadline passes. Who is admitted
// must leave.
func (l *limiter) enter(ctx context.Context, deadline time.Time) admission {
	select {
	case l.slots <- struct{}{}:
		return admitted
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > int64(cap(l.slots)*queueFactor) {
		return overfull
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
		return admitted
	case <-ctx.Done():
		return gaveUp
	}
}

func (l *limiter) leave() { <-l.slots }
