package idempotency

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrMismatch: the key was used for another request. The client gets 422.
	ErrMismatch = errors.New("idempotency: the key was used for a different request")
	// ErrFenced: this process's lease is gone, so it may write nothing any more.
	// From Begin it means that nothing was recorded.
	ErrFenced = errors.New("idempotency: the lease of this process is gone")
	// ErrLost: the record was taken over, or has expired, since Begin.
	ErrLost = errors.New("idempotency: the record is no longer held by this entry")
	// ErrSettled: the entry was settled or released before, or holds a response
	// that is replayed.
	ErrSettled = errors.New("idempotency: the entry is settled already")
	// ErrCorrupt: a stored record cannot be read, or a newer version wrote it.
	ErrCorrupt = errors.New("idempotency: record cannot be read")
)

// InProgressError: another request with the same key is under way. The client
// gets 409 with Retry-After.
type InProgressError struct {
	RetryAfter time.Duration
}

// Error says that a request is under way.
func (e *InProgressError) Error() string {
	return fmt.Sprintf("idempotency: a request with this key is under way, try again in %s", e.RetryAfter)
}

// UnknownOutcomeError: an earlier request with the same key may have taken
// effect, and its action must not be repeated. The client gets 502
// outcome_unknown, and nothing runs.
type UnknownOutcomeError struct {
	// Since is when the key was first used, in UTC.
	Since time.Time
}

// Error says that the outcome is unknown.
func (e *UnknownOutcomeError) Error() string {
	return "idempotency: whether the request of " + e.Since.Format(time.RFC3339) + " with this key took effect is unknown"
}
