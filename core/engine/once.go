package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Once has a request take effect at most once: Value is recorded under the key in
// the write that does what is asked, and a further request with the key is a
// *DuplicateError. The zero value is no restriction.
type Once struct {
	// Bucket and Key name the record.
	Bucket, Key string
	// Value is what is recorded. It has whatever a later request with the key needs
	// to know of this one, its run above all.
	Value []byte
	// TTL is how long the record is kept, by the store's clock; 0 is for ever.
	TTL time.Duration
	// Index are entries of ordered lists that are made with the record. They do not
	// end with it.
	Index []IndexEntry
}

// IndexEntry is a member of an ordered set.
type IndexEntry struct{ Set, Member string }

// Ops returns the ops that make the record, for a commit. The first is the only
// condition: that there is no such record.
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

// failed reports whether a commit failed because there is the record already.
func (o Once) failed(conflict *state.ConflictError) bool {
	return o.Bucket != "" && conflict.Failed(state.Insert(o.Bucket, o.Key, nil, 0))
}

// DuplicateError is the error of a request whose Once was taken. It matches
// ErrDuplicate.
type DuplicateError struct {
	// Value is what the request that took it recorded. It is nil where it could
	// not be read; that the request is a duplicate is certain all the same.
	Value []byte
}

// Error says that the key is taken.
func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }

// Is reports whether target is ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// Advance moves a timer on in the write that makes a run, if it was not moved
// meanwhile: so each time that it is due makes one run, whichever process is there for it.
// The zero value advances nothing.
type Advance struct {
	// Queue and Key name the timer, which must be due by the store's clock.
	Queue, Key string
	// Next is when it is due again; zero removes it.
	Next time.Time
	// Bucket has, under Key, the record that goes with the timer. It must be From,
	// and becomes To.
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

// conflictOf turns the error of a commit under the fence into what it means to the
// caller of the engine.
func (b *base) conflictOf(ctx context.Context, err error, once Once, advance Advance) error {
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
