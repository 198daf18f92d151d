package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/state"
)

// Pauses between two tries.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// retry calls f until it succeeds, fails for good, ctx ends, or RetryFor has
// passed since start. At least one try is made.
func (s *Store) retry(ctx context.Context, start time.Time, f func(context.Context) error) error {
	deadline := start.Add(s.retryFor)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := f(ctx)
		if err == nil {
			s.outage.over()
			return nil
		}
		if !passing(err) {
			return err
		}
		s.outage.began(err)
		if !time.Now().Add(pause).Before(deadline) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// passing reports whether an error may go away by waiting: no answer from the
// server, or one that says not now.
func passing(err error) bool {
	var unfit *unfitError
	if errors.As(err, &unfit) || errors.Is(err, state.ErrInvalid) ||
		errors.Is(err, context.Canceled) || errors.Is(err, goredis.ErrClosed) {
		return false
	}
	var reply goredis.Error
	if !errors.As(err, &reply) {
		return true
	}
	for _, code := range []string{"LOADING", "BUSY", "READONLY", "MASTERDOWN", "TRYAGAIN", "NOSCRIPT"} {
		if strings.HasPrefix(reply.Error(), code) {
			return true
		}
	}
	return false
}
