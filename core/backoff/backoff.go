// Package backoff is the wait before another attempt: how long it is, and the
// waiting itself. The package imports nothing of the project.
package backoff

import (
	"context"
	"time"
)

// Exponential is a wait that grows with every failure in a row.
type Exponential struct {
	// First is the wait after the first failure. It is above zero.
	First time.Duration
	// Longest bounds the wait; zero means that nothing does.
	Longest time.Duration
	// Factor is how many times as long each wait is as the one before: at
	// least 2, which zero means too.
	Factor int
}

// After returns the wait after that many failures in a row, counting from 1.
func (e Exponential) After(failures int) time.Duration {
	factor := time.Duration(e.Factor)
	if factor == 0 {
		factor = 2
	}
	longest := e.Longest
	if longest == 0 {
		longest = 1<<63 - 1
	}
	wait := min(e.First, longest)
	for n := 1; n < failures; n++ {
		if wait > longest/factor {
			return longest
		}
		wait *= factor
	}
	return wait
}

// Sleep waits for d. It returns the context's error if that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
