package bulk

import (
	"context"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

// Pause stops a running bulk after the item that is being done. Errors: ErrNotFound;
// *sdk.Error with CodeConflict for one that is not running; and as for Create.
func (m *Manager) Pause(ctx context.Context, id string, once engine.Once) (Bulk, error) {
	return m.update(ctx, id, once, func(rec *record) *sdk.Error {
		if rec.Status != StatusRunning {
			return sdk.Refuse(sdk.CodeConflict, "the bulk is %s: only one that is running can be paused", rec.Status)
		}
		rec.Status = StatusPaused
		return nil
	})
}

// Resume has a bulk run that was previewed or paused. Only who made it may do that,
// since the items are done as that caller. Errors: ErrNotFound; *sdk.Error with
// CodeForbidden for another caller, with CodeConflict for one in another state or
// where another bulk of the caller is running; and as for Create.
func (m *Manager) Resume(ctx context.Context, id string, by Caller, once engine.Once) (Bulk, error) {
	return m.update(ctx, id, once, func(rec *record) *sdk.Error {
		switch {
		case rec.CallerID != by.ID:
			return &sdk.Error{Code: sdk.CodeForbidden, Outcome: sdk.OutcomeNotExecuted, Message: "the bulk is of " + rec.Caller + ", as whom its items are done: only that caller can have it run"}
		case rec.Status != StatusPreviewed && rec.Status != StatusPaused:
			return sdk.Refuse(sdk.CodeConflict, "the bulk is %s: only one that was previewed or paused can be resumed", rec.Status)
		}
		rec.begin(m.now().UTC())
		return nil
	})
}

// Cancel ends a bulk after the item that is being done: those that are left stay as
// they are. Errors: ErrNotFound; *sdk.Error with CodeConflict for one that has ended;
// and as for Create.
func (m *Manager) Cancel(ctx context.Context, id string, once engine.Once) (Bulk, error) {
	return m.update(ctx, id, once, func(rec *record) *sdk.Error {
		if rec.Status == StatusFinished || rec.Status == StatusCancelled {
			return sdk.Refuse(sdk.CodeConflict, "the bulk is %s already", rec.Status)
		}
		rec.Status, rec.FinishedAt = StatusCancelled, m.now().UTC()
		return nil
	})
}

// update changes the record of a bulk.
func (m *Manager) update(ctx context.Context, id string, once engine.Once, change func(*record) *sdk.Error) (Bulk, error) {
	for range maxTries {
		rec, data, err := m.read(ctx, id)
		if err != nil {
			return Bulk{}, err
		}
		next := *rec
		if refused := change(&next); refused != nil {
			return rec.view(), refused
		}
		ops := append(once.Ops(), m.lease.Fence())
		if rec.Status != StatusRunning && next.Status == StatusRunning {
			slot, err := m.slotOps(ctx, rec)
			if err != nil {
				return rec.view(), err
			}
			ops = append(ops, slot...)
		}
		again, err := m.commit(ctx, once, append(ops, rec.replaceOps(data, &next)...))
		if again {
			continue
		}
		if err != nil {
			return Bulk{}, err
		}
		m.wakeup.Wake()
		return next.view(), nil
	}
	return Bulk{}, ErrBusy
}
