package telemetry

import (
	"context"
	"crypto/rand"
)

// MaxRequestIDLen is the length of the longest request id that is taken from a
// client, in bytes.
const MaxRequestIDLen = 128

type requestIDKey struct{}

// WithRequestID returns a context whose logs carry the request id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return &requestContext{ctx, id}
}

// requestContext is a context with a request id. It is its own value, as each request
// has one.
type requestContext struct {
	context.Context
	id string
}

// Value returns the context itself for the key of request ids.
func (c *requestContext) Value(key any) any {
	if key == (requestIDKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// RequestID is the request id of ctx, empty if it has none.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(requestIDKey{}).(*requestContext); ok {
		return c.id
	}
	return ""
}

// NewRequestID makes a random id of 26 letters and digits.
func NewRequestID() string { return rand.Text() }

// ValidRequestID reports whether an id from outside may be used as it is: 1 to
// MaxRequestIDLen visible ASCII characters. Anything else could forge lines of
// a log or headers of a call.
func ValidRequestID(id string) bool {
	if id == "" || len(id) > MaxRequestIDLen {
		return false
	}
	for i := range len(id) {
		if id[i] < 0x21 || id[i] > 0x7e {
			return false
		}
	}
	return true
}
