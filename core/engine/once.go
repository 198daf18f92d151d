package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Once makes a request take effect at most once: Value is recorded under the key
// in the same commit as the effect, and a later request with the key is a
// *DuplicateError. The zero value is no restriction.
type Once struct {
	// Bucket and Key name the record.
	Bucket, Key string
	// Value is recorded. It holds what a later request with the key needs to know
	// of this one, above all its run.
	Value []byte
	// TTL is how long the record is kept, by the store's clock; 0 is for ever.
	TTL time.Duration
	// Index lists members of ordered sets that are added with the record. They do
	// not expire with it.
	Index []IndexEntry
}

// IndexEntry is a member of an ordered set.
type IndexEntry struct{ Set, Member string }

// Ops returns the ops of a commit that make the record. The first is the only
// condition: that the record does not exist.
func (o Once) Ops() []state.Op {
	if o.Bucket == "" {
		return nil
	}
	ops := make([]state.Op, 0, 1+len(o.Index))
	ops = append(ops, state.Insert(o.Bucket, o.Key, o.Value, o.TTL))
	for _, entry := range o.Index {
		ops = append(ops, state.Add(entry.Set, entry.Member))
	}
	return ops
}

// failed reports whether a commit failed because the record exists.
func (o Once) failed(conflict *state.ConflictError) bool {
	return o.Bucket != "" && conflict.Failed(state.Insert(o.Bucket, o.Key, nil, 0))
}

// DuplicateError is the error of a request whose Once was taken. It matches
// ErrDuplicate.
type DuplicateError struct {
	// Value is what the first request recorded, nil if it could not be read. The
	// request is a duplicate in either case.
	Value []byte
}

// Error says that the key is taken.
func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }

// Is reports whether target is ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// Advance moves a timer to its next time in the commit that creates a run, unless
// it was moved meanwhile. So each time that the timer is due starts one run,
// whichever process handles it. The zero value moves none.
type Advance struct {
	// Queue and Key name the timer, which must be due by the store's clock.
	Queue, Key string
	// Next is when it is due again; zero removes it.
	Next time.Time
	// Bucket holds, under Key, the record that belongs to the timer. Its value
	// must be From, and becomes To.
	Bucket   string
	From, To []byte
}

// Ops returns the ops that advance the timer, for a commit. The first two are its
// conditions.
func (a Advance) Ops() []state.Op {
	if a.Queue == "" {
		return nil
	}
	timer := state.ClearTimer(a.Queue, a.Key)
	if !a.Next.IsZero() {
		timer = state.SetTimer(a.Queue, a.Key, a.Next)
	}
	return []state.Op{
		state.RequireDue(a.Queue, a.Key), state.RequireValue(a.Bucket, a.Key, a.From),
		state.Put(a.Bucket, a.Key, a.To, 0), timer,
	}
}

// failed reports whether a commit failed because the timer was moved meanwhile.
func (a Advance) failed(conflict *state.ConflictError) bool {
	return a.Queue != "" && (conflict.Failed(state.RequireDue(a.Queue, a.Key)) || conflict.Failed(state.RequireValue(a.Bucket, a.Key, nil)))
}

// conflictOf translates the error of a commit under the fence for the caller of
// the engine.
func (b *base) conflictOf(ctx context.Context, err error, once Once, advance Advance) error {
	if refused, ok := errors.AsType[*state.RefusedError](err); ok {
		return fmt.Errorf("%w: %w", ErrTooLarge, refused)
	}
	conflict, ok := errors.AsType[*state.ConflictError](err)
	switch {
	case !ok:
		return err
	case once.failed(conflict):
		return &DuplicateError{Value: b.recorded(ctx, once)}
	case advance.failed(conflict):
		return ErrStale
	case conflict.Failed(b.lease.Fence()):
		return fmt.Errorf("%w: %w", ErrFenced, err)
	default:
		return err
	}
}

// recorded reads what is recorded under a key that is taken; nil if it cannot be
// read.
func (b *base) recorded(ctx context.Context, once Once) []byte {
	found, err := b.store.Get(ctx, state.Ref{Bucket: once.Bucket, ID: once.Key})
	if err != nil {
		return nil
	}
	return found[0]
}
