package action

import (
	"context"
	"sync"
	"time"
)

// Until returns a context that ends at a deadline, or by cancel, and not with its
// parent, whose values it has: context.WithDeadline of context.WithoutCancel. It is for
// calls, most of which end long before: its timer is made when something waits for its
// end, as it costs more than the rest of the handling of a call. The caller calls cancel
// when the call has returned.
func Until(parent context.Context, deadline time.Time) (ctx context.Context, cancel context.CancelFunc) {
	u := &until{parent: context.WithoutCancel(parent), deadline: deadline}
	return u, u.end
}

// EndsByDeadline reports whether a context is one of Until. Who keeps to its deadline
// by other means does not have to wait for its end.
func EndsByDeadline(ctx context.Context) bool {
	_, ok := ctx.(*until)
	return ok
}

type until struct {
	parent   context.Context
	deadline time.Time

	mu     sync.Mutex // guards what follows
	timed  context.Context
	cancel context.CancelFunc
	ended  bool
}

// context returns what this context stands for, nil where nobody has waited for it.
func (u *until) context() context.Context {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.timed
}

// end ends the context.
func (u *until) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
	if u.cancel != nil {
		u.cancel()
	}
}

// Deadline returns the deadline.
func (u *until) Deadline() (time.Time, bool) { return u.deadline, true }

// Done is closed when the context has ended.
func (u *until) Done() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.timed == nil {
		u.timed, u.cancel = context.WithDeadline(u.parent, u.deadline)
		if u.ended {
			u.cancel()
		}
	}
	return u.timed.Done()
}

// Err says why the context has ended, nil while it has not.
func (u *until) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.timed != nil:
		return u.timed.Err()
	case u.ended:
		return context.Canceled
	case !time.Now().Before(u.deadline):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value returns what the parent knows.
func (u *until) Value(key any) any {
	if timed := u.context(); timed != nil {
		return timed.Value(key) // so that contexts made of this one end with it, without a goroutine
	}
	return u.parent.Value(key)
}
