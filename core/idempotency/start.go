package idempotency

import (
	"context"

	"github.com/backflow/backflow/core/state"
)

// Start answers the ops that record the start of a run under a key. They are
// committed in the write that makes the run, so there is a record if and only
// if there is a run. The first of them is an Insert that conflicts if the key
// is taken: then Started says by what. The run's id is not empty.
func (l *Ledger) Start(scope Scope, fp Fingerprint, runID string) []state.Op {
	now := l.opt.Now()
	rec := &record{
		Status:      statusStart,
		Fingerprint: fp,
		CreatedAt:   now.UnixMilli(),
		ExpiresAt:   now.Add(l.opt.TTL).UnixMilli(),
		RunID:       runID,
	}
	return []state.Op{state.Insert(bucket, scope.recordID(), rec.encode(), l.opt.TTL)}
}

// Started answers the run that was started under a key, false if there is
// none. Errors: ErrMismatch where the key was used for another request, and
// those that match state.ErrUnavailable and ErrCorrupt.
func (l *Ledger) Started(ctx context.Context, scope Scope, fp Fingerprint) (runID string, ok bool, err error) {
	rec, _, err := l.read(ctx, scope.recordID())
	if err != nil || rec == nil {
		return "", false, err
	}
	if rec.Status != statusStart || rec.Fingerprint != fp {
		return "", false, ErrMismatch
	}
	return rec.RunID, true, nil
}
