package state

import (
	"context"
	"time"
)

// Store keeps state. All methods are safe for concurrent use.
//
// A read sees every commit that had returned before the read began, of this
// process at least; on Redis, of every process.
type Store interface {
	// Commit applies all ops or none, in the order given. Conditions are
	// checked against the state before the commit: no op sees another's effect
	// (but see Append). Without ops it does nothing. It returns after the result
	// is on stable storage, as far as the store's documented durability goes.
	//
	// A condition that does not hold is a *ConflictError. A commit that the store
	// will never take, such as one that is too large, is a *RefusedError. An error that
	// matches ErrUnavailable leaves the outcome unknown: the commit may have
	// been applied, or be applied later, but at most once. When ctx ends
	// before the commit was handed to the store, ctx's error is returned and
	// nothing was applied; once handed over, Commit waits for the result.
	Commit(ctx context.Context, ops ...Op) error

	// Get reads records. It returns one value for each ref, in order, nil where
	// there is no such record or its time to live is over.
	// A record that the store holds in another form than it writes is empty, so that
	// it neither counts as missing nor keeps others from being read.
	Get(ctx context.Context, refs ...Ref) ([][]byte, error)

	// Range lists members of a set in byte order (descending if r.Reverse).
	Range(ctx context.Context, r Range) ([]string, error)

	// Count returns how many members sets have, in their order and all at one
	// moment. It may read the whole sets: it is for occasional use, not for each
	// request.
	Count(ctx context.Context, sets ...string) ([]int, error)

	// Journal reads at most limit entries of a journal, those with sequence numbers
	// >= from that come first. The limit must be positive. An unknown journal is
	// empty.
	Journal(ctx context.Context, id string, from, limit int) ([][]byte, error)

	// Due lists at most limit timers of a queue that are due by the store's
	// clock, the earliest first, then by id. The limit must be positive. next is
	// the time until the next timer that is not due yet; negative if there is
	// none.
	Due(ctx context.Context, queue string, limit int) (due []Timer, next time.Duration, err error)

	// Close waits for calls under way and releases the store. Later calls
	// fail with ErrClosed.
	Close() error
}

// Ref names a record.
type Ref struct {
	Bucket string
	ID     string
}

// Range selects members of a set.
type Range struct {
	Set string
	// After is an exclusive bound to continue from: members greater than it,
	// or less than it if Reverse. Empty means from the start.
	After string
	// Limit is the most members to return; it must be positive.
	Limit   int
	Reverse bool
}

// Timer is an id in a queue with its due time.
type Timer struct {
	ID string
	// At is the due time by the store's clock, in UTC, exact to the millisecond.
	At time.Time
}
