package idempotency

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// DefaultTTL is how long a record lives from its first insert.
	DefaultTTL = 24 * time.Hour
	// DefaultMaxResponseBytes bounds a stored response's body.
	DefaultMaxResponseBytes = 1 << 20

	// retryAfter is how long a client is to wait for a request under way.
	retryAfter = time.Second
	// settleTimeout bounds a settling write, which outlives its request.
	settleTimeout = 10 * time.Second
	// maxTries bounds how often Begin meets a record that changes meanwhile
	// before it says that the key is in use.
	maxTries = 8
)

// Lease is the lease of this process. Its id never changes.
type Lease interface {
	ID() string
	// Fence is a condition that fails a commit once the lease is gone.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists. One that
	// is gone does not come back.
	Alive(ctx context.Context, id string) (bool, error)
}

// Options of a Ledger; the zero value is ready to use.
type Options struct {
	// TTL is a record's life; zero is DefaultTTL.
	TTL time.Duration
	// MaxResponseBytes bounds the body of a stored response; zero is
	// DefaultMaxResponseBytes. See Entry.Complete.
	MaxResponseBytes int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// NewID makes the random id of a record, with at least 128 bits of
	// randomness; nil is crypto/rand's Text.
	NewID func() string
}

// Ledger keeps the records of one gateway process. Its methods are safe for
// concurrent use. There is one for each lease: two ledgers of one process would
// take each other's records for left over.
type Ledger struct {
	store    state.Store
	lease    Lease
	opt      Options
	deferred *deferredWriter

	mu sync.Mutex // guards inFlight
	// inFlight has the requests that this process is working on, by record id.
	// A pending record under this process's lease that is not among them was left
	// over by a panic or a lost write.
	inFlight map[string]Fingerprint
}

// New makes a ledger over a store. It is closed before the lease is released.
func New(store state.Store, lease Lease, opt Options) *Ledger {
	if opt.TTL == 0 {
		opt.TTL = DefaultTTL
	}
	if opt.MaxResponseBytes == 0 {
		opt.MaxResponseBytes = DefaultMaxResponseBytes
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.NewID == nil {
		opt.NewID = rand.Text
	}
	return &Ledger{store: store, lease: lease, opt: opt, deferred: newDeferredWriter(store, lease), inFlight: map[string]Fingerprint{}}
}

// Close ends what the ledger does in the background, and waits for it. A second
// call does nothing.
func (l *Ledger) Close() { l.deferred.close() }

// Response is a stored response.
type Response struct {
	// Status is the HTTP status, 100 to 999.
	Status int
	// Header has the headers that belong to the response itself, such as
	// Content-Type; never those of one request, such as X-Request-Id.
	Header http.Header
	Body   []byte
}

// Begin records a request before its effect, or says what became of the one
// before it. With a nil error, the entry either holds a response to replay, or
// its holder may act and must settle it, with a deferred Release for the case
// that it cannot.
//
// Errors: ErrMismatch, *InProgressError, *UnknownOutcomeError; and, where the
// ledger cannot tell and nothing may be executed, those that match
// state.ErrUnavailable, ErrFenced and ErrCorrupt.
func (l *Ledger) Begin(ctx context.Context, scope Scope, fp Fingerprint) (*Entry, error) {
	id := scope.recordID()
	if !l.reserve(id, fp) {
		return l.lookup(ctx, id, scope, fp)
	}
	entry, err := l.begin(ctx, id, scope, fp)
	if err != nil || entry.replay != nil {
		l.unreserve(id)
	}
	return entry, err
}

// begin runs while id is reserved: no other request of this process works on it.
func (l *Ledger) begin(ctx context.Context, id string, scope Scope, fp Fingerprint) (*Entry, error) {
	for range maxTries {
		entry, err := l.insert(ctx, id, scope, fp)
		if entry != nil || err != nil {
			return entry, err
		}
		rec, raw, err := l.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if rec == nil {
			continue // abandoned or expired since the insert
		}
		if entry, err := l.settledEntry(rec, id, scope, fp); entry != nil || err != nil {
			return entry, err
		}
		alive, err := l.held(ctx, rec)
		if err != nil {
			return nil, err
		}
		if alive {
			return nil, &InProgressError{RetryAfter: retryAfter}
		}
		if rec.Lease == l.lease.ID() {
			// This process may know better what became of it than the record says.
			if written, err := l.deferred.flush(ctx, id); written {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		entry, err = l.takeOver(ctx, id, scope, rec, raw)
		if entry != nil || err != nil {
			return entry, err
		}
	}
	return nil, &InProgressError{RetryAfter: retryAfter}
}

// lookup is for a request whose key this process is working on already. It returns
// the stored response, if there is one by now, else what stands in the way.
func (l *Ledger) lookup(ctx context.Context, id string, scope Scope, fp Fingerprint) (*Entry, error) {
	rec, _, err := l.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if rec != nil {
		if entry, err := l.settledEntry(rec, id, scope, fp); entry != nil || err != nil {
			return entry, err
		}
	}
	l.mu.Lock()
	other, busy := l.inFlight[id]
	l.mu.Unlock()
	if busy && other != fp {
		return nil, ErrMismatch
	}
	return nil, &InProgressError{RetryAfter: retryAfter}
}

// insert makes the record. It returns neither entry nor error if there is one
// already.
func (l *Ledger) insert(ctx context.Context, id string, scope Scope, fp Fingerprint) (*Entry, error) {
	now := l.opt.Now()
	rec := &record{
		Status:      statusPending,
		Fingerprint: fp,
		CreatedAt:   now.UnixMilli(),
		ExpiresAt:   now.Add(l.opt.TTL).UnixMilli(),
		ID:          l.opt.NewID(),
		Lease:       l.lease.ID(),
		Attempt:     1,
	}
	raw := rec.encode()
	err := l.store.Commit(ctx, l.lease.Fence(), state.Insert(layout.BucketIdempotency, id, raw, l.opt.TTL))
	if lost, err := outcome(err, l.lease.Fence(), "record request"); lost || err != nil {
		if errors.Is(err, state.ErrUnavailable) {
			// The record may be there, and nothing will be done under it.
			l.deferWrite(id, raw, state.Delete(layout.BucketIdempotency, id))
		}
		return nil, err
	}
	return &Entry{ledger: l, recordID: id, scope: scope, rec: rec, raw: raw}, nil
}

// takeOver makes this process the holder of a record that has none. It returns
// neither entry nor error if the record changed meanwhile.
func (l *Ledger) takeOver(ctx context.Context, id string, scope Scope, old *record, oldRaw []byte) (*Entry, error) {
	rec := *old
	rec.Lease = l.lease.ID()
	rec.Attempt++
	raw := rec.encode()
	err := l.store.Commit(ctx,
		l.lease.Fence(),
		state.RequireValue(layout.BucketIdempotency, id, oldRaw),
		state.Replace(layout.BucketIdempotency, id, raw))
	if lost, err := outcome(err, l.lease.Fence(), "take over request"); lost || err != nil {
		if errors.Is(err, state.ErrUnavailable) {
			l.deferWrite(id, raw, state.Replace(layout.BucketIdempotency, id, rec.released(statusPending).encode()))
		}
		return nil, err
	}
	return &Entry{ledger: l, recordID: id, scope: scope, rec: &rec, raw: raw}, nil
}

// deferWrite leaves a write to the deferredWriter, to be made if the record still
// has the value that this process wrote.
func (l *Ledger) deferWrite(id string, raw []byte, write state.Op) {
	l.deferred.add(id, l.lease.Fence(), state.RequireValue(layout.BucketIdempotency, id, raw), write)
}

// settledEntry returns what a settled record means for a request: an entry to
// replay, or an error. It returns neither if the record is pending.
func (l *Ledger) settledEntry(rec *record, id string, scope Scope, fp Fingerprint) (*Entry, error) {
	switch {
	case rec.Status == statusRun || rec.Fingerprint != fp:
		return nil, ErrMismatch
	case rec.Status == statusUnknown:
		return nil, &UnknownOutcomeError{Since: rec.since()}
	case rec.Status == statusDone:
		return &Entry{
			ledger: l, recordID: id, scope: scope, rec: rec, settled: true,
			replay: &Response{Status: rec.Code, Header: rec.Header, Body: rec.body},
		}, nil
	default:
		return nil, nil
	}
}

// held reports whether a pending record has a living holder. This process is not
// one: the record would be in flight here, and it is not.
func (l *Ledger) held(ctx context.Context, rec *record) (bool, error) {
	if rec.Lease == "" || rec.Lease == l.lease.ID() {
		return false, nil
	}
	alive, err := l.lease.Alive(ctx, rec.Lease)
	if err != nil {
		return false, fmt.Errorf("idempotency: %w", err)
	}
	return alive, nil
}

// read returns a record and its stored bytes, nil if none exists.
func (l *Ledger) read(ctx context.Context, id string) (*record, []byte, error) {
	values, err := l.store.Get(ctx, state.Ref{Bucket: layout.BucketIdempotency, ID: id})
	if err != nil {
		return nil, nil, fmt.Errorf("idempotency: read record: %w", err)
	}
	if values[0] == nil {
		return nil, nil, nil
	}
	rec, err := decodeRecord(values[0])
	return rec, values[0], err
}

func (l *Ledger) reserve(id string, fp Fingerprint) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, busy := l.inFlight[id]; busy {
		return false
	}
	l.inFlight[id] = fp
	return true
}

func (l *Ledger) unreserve(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inFlight, id)
}

// outcome sorts the error of a commit under a fence: lost means that another
// condition did not hold.
func outcome(err error, fence state.Op, operation string) (lost bool, _ error) {
	if err == nil {
		return false, nil
	}
	if conflict, ok := errors.AsType[*state.ConflictError](err); ok {
		if conflict.Failed(fence) {
			return false, ErrFenced
		}
		return true, nil
	}
	return false, fmt.Errorf("idempotency: %s: %w", operation, err)
}
