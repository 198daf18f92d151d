package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// errNotClaimable is returned for a run that cannot be claimed at present.
// Nothing was changed.
var errNotClaimable = errors.New("engine: the run cannot be taken up now")

// claims makes this process the holder of runs that no other process works on.
type claims struct {
	*executor
}

// tryClaim claims a run by calling claim, and works on it. It reports whether
// this process works on the run now; the reason why not is logged. The caller has
// a slot, which is passed on or given back. claim returns nil for a run that must
// not be claimed.
func (c *claims) tryClaim(id string, claim func(context.Context, *activity) (*execution, error)) bool {
	activity := c.active.reserve(id)
	if activity == nil {
		c.active.freeSlot()
		c.outage.Note("take up a run", nil)
		return false // this process has it already, or is stopping
	}
	r, err := recoverPanic(id, activity, claim)
	switch {
	case errors.Is(err, errNotClaimable):
		c.log.Warn("a run cannot be taken up yet", "run", id, "reason", err)
	case errors.Is(err, state.ErrUnavailable):
		c.outage.Note("take up a run", err)
	case errors.As(err, new(*CorruptError)):
		c.noteCorrupt(id, err)
	case err != nil:
		c.log.Error("a run cannot be taken up", "run", id, "error", err)
	default:
		c.outage.Note("take up a run", nil)
	}
	if err != nil || r == nil {
		c.free(id, false)
		return false
	}
	c.workers.do(r.drive)
	return true
}

// recoverPanic calls claim and returns a panic as an error: one broken run must
// not end the gateway.
func recoverPanic(id string, a *activity, claim func(context.Context, *activity) (*execution, error)) (r *execution, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("engine: taking up run %s panicked: %v\n%s", id, p, debug.Stack())
		}
	}()
	return claim(context.Background(), a)
}

// load reads a run that has not ended, with the condition that it is not changed
// before it is claimed; nil for one that has ended or is gone. It also returns the
// bytes of its record, nil if it is gone.
func (c *claims) load(ctx context.Context, id string, a *activity) (*execution, []byte, error) {
	stored, data, err := c.reader.load(ctx, id)
	if err != nil || stored == nil || stored.record.Status.Ended() {
		return nil, data, err
	}
	return &execution{executor: c.executor, storedRun: *stored, activity: a}, data, nil
}

// claim makes this process the holder of the run, in one commit with events and
// what follows from them. It returns nil if another process was faster.
func (r *execution) claim(events []workflow.Event, with extra) (*execution, error) {
	stored := r.record
	r.markClaimed()
	err := r.commit(&stored, events, with)
	if errors.As(err, new(*state.ConflictError)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// markClaimed makes this process the holder of the run in its record. The place in its
// lane that it needs to be worked on is the one that it has by its record as it was.
func (r *execution) markClaimed() {
	r.placed = r.record.holdsLane()
	r.record.Status, r.record.Lease, r.record.Throttled, r.record.Due = workflow.RunRunning, r.lease.ID(), false, false
	r.record.Revision++
	if r.record.StartedAt.IsZero() {
		r.record.StartedAt = r.now().UTC()
		r.machine.Begin(r.record.StartedAt)
	}
}
