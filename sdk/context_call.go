package sdk

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// callContext is the context of one call: it ends with the stream, with the
// call's deadline, and when the call has returned. Timer and logger are made when
// they are asked for, which a quick action never does: they would cost more than
// the rest of the call's handling.
type callContext struct {
	stream    context.Context
	deadline  time.Time // zero for none
	logger    *slog.Logger
	action    string
	requestID string

	mu       sync.Mutex // guards what follows
	inner    context.Context
	cancel   context.CancelFunc
	finished bool
}

var _ context.Context = (*callContext)(nil)

func newCallContext(stream context.Context, logger *slog.Logger, call *Call, timeout time.Duration) *callContext {
	c := &callContext{stream: stream, logger: logger, action: call.Action, requestID: call.RequestID}
	if timeout > 0 {
		c.deadline = time.Now().Add(timeout)
	}
	return c
}

// real returns the context that this one stands for.
func (c *callContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		if c.deadline.IsZero() {
			c.inner, c.cancel = context.WithCancel(c.stream)
		} else {
			c.inner, c.cancel = context.WithDeadline(c.stream, c.deadline)
		}
		if c.finished {
			c.cancel()
		}
	}
	return c.inner
}

// finish ends the context. It is called when the call has returned.
func (c *callContext) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline returns the call's deadline.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed when the context has ended.
func (c *callContext) Done() <-chan struct{} { return c.real().Done() }

// Err says why the context has ended, nil while it has not.
func (c *callContext) Err() error { return c.real().Err() }

// Value returns the call's logger, and what the stream's context knows. Where the
// host itself adds to a record which call it belongs to, the action is empty.
func (c *callContext) Value(key any) any {
	if key == (loggerKey{}) {
		if c.action == "" {
			return c.logger
		}
		return c.logger.With("action", c.action, "requestId", c.requestID)
	}
	return c.real().Value(key)
}
