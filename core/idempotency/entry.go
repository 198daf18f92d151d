package idempotency

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// Entry is what Begin returns: a stored response to replay, or the right to act.
// The right ends with the first call of Complete, Abandon, KeepUnknown,
// RepeatLater or Release. An Entry belongs to one goroutine.
//
// The four settling calls are one fenced compare-and-swap each. They are not
// undone by a client that goes away: the end of ctx does not cut them short,
// a limit of their own of 10 s does. Their errors are ErrSettled, ErrFenced,
// ErrLost, and those that match state.ErrUnavailable. After an error the record
// is pending, with another holder or none: the next request with the key takes
// it over with the same upstream key, and its entry says Repeated. So the client
// gets the integration's result all the same: it is true, and a repeat cannot act
// twice if it heeds Repeated. Where the store was unavailable, the ledger makes the
// write once the store is back, or before the next request with the key goes on.
type Entry struct {
	ledger   *Ledger
	recordID string
	scope    Scope
	rec      *record
	raw      []byte // rec as it is stored
	replay   *Response
	settled  bool
}

// Replay returns the stored response, if there is one; then nothing may be
// executed and there is nothing to settle. The response must not be changed.
func (e *Entry) Replay() (*Response, bool) { return e.replay, e.replay != nil }

// UpstreamKey is the idempotency key for the integration: 64 hex digits, the
// same for every holder of this record, another for every other record.
func (e *Entry) UpstreamKey() string { return e.scope.upstreamKey(e.rec.ID) }

// Repeated reports that the record was held before, so the effect may have taken
// place: by an attempt with an unknown outcome, or one whose process
// ended. An action that may not be repeated must not be executed then, but
// kept by KeepUnknown; nor may one whose key was first used, at Since, longer
// ago than its integration honours keys.
func (e *Entry) Repeated() bool { return e.rec.Attempt > 1 }

// Since is when the record was made, in UTC, by the clock of the process that made
// it: no effect under this upstream key is older.
func (e *Entry) Since() time.Time { return e.rec.since() }

// Expires is when the record ends, in UTC: from then on the key is as if it had
// never been used. The store's clock decides; this is by that of the process that
// made the record.
func (e *Entry) Expires() time.Time { return e.rec.expires() }

// Complete stores the response for the rest of the record's life, which counts
// from its first insert. It is for successes and final errors only: what may be
// different next time is not kept.
//
// A response whose body is larger than MaxResponseBytes is not stored: the record
// is kept as by RepeatLater. Where the action can be repeated, a repeat gets its
// result from the integration itself, and nothing acts twice.
func (e *Entry) Complete(ctx context.Context, response Response) error {
	if len(response.Body) > e.ledger.opt.MaxResponseBytes {
		return e.RepeatLater(ctx)
	}
	rec := e.rec.released(statusDone)
	rec.Code, rec.Header, rec.body = response.Status, response.Header, response.Body
	return e.settle(ctx, rec)
}

// Abandon is for a request that took no effect for certain: nothing is kept,
// and the key is free. Where the entry is Repeated, an earlier attempt may
// still have acted; then the record stays as by RepeatLater.
func (e *Entry) Abandon(ctx context.Context) error {
	if e.Repeated() {
		return e.RepeatLater(ctx)
	}
	return e.settle(ctx, nil)
}

// KeepUnknown is for an effect that may have taken place and must not be
// repeated: until the record expires, every request with the key fails with
// *UnknownOutcomeError.
func (e *Entry) KeepUnknown(ctx context.Context) error {
	return e.settle(ctx, e.rec.released(statusUnknown))
}

// RepeatLater is for an effect that may have taken place and can be repeated:
// the next request with the key takes the record over and acts with the same
// upstream key.
func (e *Entry) RepeatLater(ctx context.Context) error {
	return e.settle(ctx, e.rec.released(statusPending))
}

// Release gives up an entry that could not be settled, for instance because of
// a panic. It does not wait for the store: the next request with the key that
// this process gets takes the record over, and so does any other process a
// moment later. After any other call it does nothing, so it is made for defer.
func (e *Entry) Release() {
	if !e.settled {
		e.end()
		e.ledger.deferWrite(e.recordID, e.raw, e.write(e.rec.released(statusPending)))
	}
}

// end gives up the right to act.
func (e *Entry) end() {
	e.settled = true
	e.ledger.unreserve(e.recordID)
}

// settle swaps the record for another, or removes it for nil.
func (e *Entry) settle(ctx context.Context, rec *record) error {
	if e.settled {
		return ErrSettled
	}
	defer e.end()
	write := e.write(rec)
	// The effect stands whether or not the client still listens, so its record
	// must not hang on the client's context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	fence := e.ledger.lease.Fence()
	err := e.ledger.store.Commit(ctx,
		fence,
		state.RequireValue(layout.BucketIdempotency, e.recordID, e.raw),
		write)
	lost, err := outcome(err, fence, "settle request")
	switch {
	case lost:
		return ErrLost
	case err != nil && !errors.Is(err, ErrFenced):
		e.ledger.deferWrite(e.recordID, e.raw, write)
	}
	return err
}

// write is the op that makes the record another, with the life that it has, or
// removes it for nil.
func (e *Entry) write(rec *record) state.Op {
	if rec == nil {
		return state.Delete(layout.BucketIdempotency, e.recordID)
	}
	return state.Replace(layout.BucketIdempotency, e.recordID, rec.encode())
}
