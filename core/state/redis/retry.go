package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/state"
)

// Pauses between two attempts.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// reachRedis is the one operation of the outage log: if any works, Redis is back.
const reachRedis = "reach Redis"

// retry calls f until it succeeds, fails with an error that is not transient, ctx
// ends, or RetryFor has passed since start. It makes at least one attempt.
func (s *Store) retry(ctx context.Context, start time.Time, f func(context.Context) error) error {
	deadline := start.Add(s.retryFor)
	wait := backoff.Exponential{First: firstPause, Longest: maxPause}
	for failures := 1; ; failures++ {
		err := f(ctx)
		if err == nil {
			s.outage.Note(reachRedis, nil)
			return nil
		}
		if !transient(err) {
			return err
		}
		s.outage.Note(reachRedis, err)
		pause := wait.After(failures)
		if !time.Now().Add(pause).Before(deadline) {
			return err
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// transient reports whether waiting may help: the server did not reply, or its
// reply means "not now".
func transient(err error) bool {
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
