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
	// Alias is a second name of the request; the zero value is none.
	Alias Alias
	// Index lists members of ordered sets that are added with the record. They do
	// not expire with it.
	Index []IndexEntry
}

// Alias is a second name of a request: it is recorded with the key that it stands for,
// for as long, and a later request with it is a duplicate of that one, whatever its key.
type Alias struct{ Bucket, Key string }

// IndexEntry is a member of an ordered set.
type IndexEntry struct{ Set, Member string }

// Ops returns the ops of a commit that make the record. The first ones are its only
// conditions: that neither the record nor that of the alias exists.
func (o Once) Ops() []state.Op {
	if o.Bucket == "" {
		return nil
	}
	ops := make([]state.Op, 0, 2+len(o.Index))
	if o.Alias.Bucket != "" { // it counts before the key, which may be that of a third request
		ops = append(ops, state.Insert(o.Alias.Bucket, o.Alias.Key, []byte(o.Key), o.TTL))
	}
	ops = append(ops, state.Insert(o.Bucket, o.Key, o.Value, o.TTL))
	for _, entry := range o.Index {
		ops = append(ops, state.Add(entry.Set, entry.Member))
	}
	return ops
}

// failed reports whether a commit failed because the record exists, or that of the
// alias.
func (o Once) failed(conflict *state.ConflictError) bool {
	return o.Bucket != "" && conflict.Failed(state.Insert(o.Bucket, o.Key, nil, 0)) || o.aliasFailed(conflict)
}

func (o Once) aliasFailed(conflict *state.ConflictError) bool {
	return o.Alias.Bucket != "" && conflict.Failed(state.Insert(o.Alias.Bucket, o.Alias.Key, nil, 0))
}

// Duplicate returns the error of a commit with these ops that failed because the record
// exists, or that of the alias; nil for any other error. It reads what is recorded.
func (o Once) Duplicate(ctx context.Context, store state.Store, err error) *DuplicateError {
	conflict, ok := errors.AsType[*state.ConflictError](err)
	if !ok || !o.failed(conflict) {
		return nil
	}
	key := o.Key
	if o.aliasFailed(conflict) {
		first := read(ctx, store, o.Alias.Bucket, o.Alias.Key)
		if first == nil {
			return &DuplicateError{}
		}
		key = string(first)
	}
	return &DuplicateError{Value: read(ctx, store, o.Bucket, key)}
}

// read returns a record, nil if it cannot be read.
func read(ctx context.Context, store state.Store, bucket, key string) []byte {
	found, err := store.Get(ctx, state.Ref{Bucket: bucket, ID: key})
	if err != nil {
		return nil
	}
	return found[0]
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
	if duplicate := once.Duplicate(ctx, b.store, err); duplicate != nil {
		return duplicate
	}
	conflict, ok := errors.AsType[*state.ConflictError](err)
	switch {
	case !ok:
		return err
	case advance.failed(conflict):
		return ErrStale
	case conflict.Failed(b.lease.Fence()):
		return fmt.Errorf("%w: %w", ErrFenced, err)
	default:
		return err
	}
}
