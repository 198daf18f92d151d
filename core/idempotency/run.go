package idempotency

import (
	"context"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state/layout"
)

// Record returns what records a request that makes or changes a run: its start,
// cancellation, retry, or a signal. The engine records it in the write that does
// what is asked, so there is a record if and only if it was done. Where the key is
// taken, Recorded says by what. The run's id is not empty. It also returns when the
// record will end, as Entry.Expires does.
func (l *Ledger) Record(scope Scope, fp Fingerprint, runID string) (once engine.Once, expires time.Time) {
	now := l.opt.Now()
	rec := &record{
		Status:      statusRun,
		Fingerprint: fp,
		CreatedAt:   now.UnixMilli(),
		ExpiresAt:   now.Add(l.opt.TTL).UnixMilli(),
		RunID:       runID,
	}
	return engine.Once{Bucket: layout.BucketIdempotency, Key: scope.recordID(), Value: rec.encode(), TTL: l.opt.TTL}, rec.expires()
}

// Change is what is known of a request that made or changed a run.
type Change struct {
	RunID string
	// Expires is when the record ends, as in Entry.Expires.
	Expires time.Time
}

// Recorded returns what was done under a key to which run, false if nothing was.
// Errors: ErrMismatch where the key was used for another request, and those that
// match state.ErrUnavailable and ErrCorrupt.
func (l *Ledger) Recorded(ctx context.Context, scope Scope, fp Fingerprint) (change Change, ok bool, err error) {
	rec, _, err := l.read(ctx, scope.recordID())
	if err != nil || rec == nil {
		return Change{}, false, err
	}
	if rec.Status != statusRun || rec.Fingerprint != fp {
		return Change{}, false, ErrMismatch
	}
	return Change{RunID: rec.RunID, Expires: rec.expires()}, true, nil
}
