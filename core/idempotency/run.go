package idempotency

import (
	"context"

	"github.com/backflow/backflow/core/state"
)

// Record answers the ops that record a request which makes or changes a run: its
// start, cancellation, retry, or a signal. They are committed in the write that
// does it, so there is a record if and only if it was done. The first of them is
// an Insert that conflicts if the key is taken: then Recorded says by what. The
// run's id is not empty.
func (l *Ledger) Record(scope Scope, fp Fingerprint, runID string) []state.Op {
	now := l.opt.Now()
	rec := &record{
		Status:      statusRun,
		Fingerprint: fp,
		CreatedAt:   now.UnixMilli(),
		ExpiresAt:   now.Add(l.opt.TTL).UnixMilli(),
		RunID:       runID,
	}
	return []state.Op{state.Insert(bucket, scope.recordID(), rec.encode(), l.opt.TTL)}
}

// Recorded answers the run that was made or changed under a key, false if there
// is none. Errors: ErrMismatch where the key was used for another request, and
// those that match state.ErrUnavailable and ErrCorrupt.
func (l *Ledger) Recorded(ctx context.Context, scope Scope, fp Fingerprint) (runID string, ok bool, err error) {
	rec, _, err := l.read(ctx, scope.recordID())
	if err != nil || rec == nil {
		return "", false, err
	}
	if rec.Status != statusRun || rec.Fingerprint != fp {
		return "", false, ErrMismatch
	}
	return rec.RunID, true, nil
}
