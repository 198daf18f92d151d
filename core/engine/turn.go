package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// A turn is what is recorded of a run at once: one entry of its journal, in one
// commit. What follows from one answer may be more than that. Then the turn ends
// with the run unsettled: the process keeps it and records the rest in further
// turns, before which it starts the calls that were decided. A process that takes
// the run up between two turns goes on in the same way.
const (
	// maxTurnEvents is how many events a turn has at most, and maxTurnBytes how many
	// bytes; one event alone may have more. What is left over follows in the next.
	maxTurnEvents = 1000
	maxTurnBytes  = 1 << 20
)

// width is how much the next turn of a run may hold. It becomes narrower as the
// store refuses to take more.
type width int

const (
	whole  width = iota // up to the bounds of a turn
	single              // one event
	bare                // one event without its value, or the failure in place of a decision
)

// narrower returns the next width to try; false if none is left.
func (w width) narrower() (width, bool) { return w + 1, w < bare }

// after returns the width of the turn that follows one that was recorded.
func (w width) after(unsettled bool) width {
	if !unsettled || w == whole {
		return whole
	}
	return single
}

func (r *execution) newTurn() *workflow.Turn {
	turn := &workflow.Turn{MaxEvents: maxTurnEvents, MaxBytes: r.turnBytes}
	if r.width > whole {
		turn.MaxEvents = 1
	}
	return turn
}

// reload brings the machine back to what is stored, after a commit that was refused.
// The record stays as it is.
func (r *execution) reload() error {
	var stored *storedRun
	err := r.untilKnown("read a run", func(ctx context.Context) (err error) {
		if stored, _, err = r.reader.load(ctx, r.record.ID); err == nil && stored == nil {
			return ErrNotFound
		}
		if err == nil {
			r.messages = nil
			_, err = r.readInbox(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.machine, r.entries = stored.machine, stored.entries
	r.machine.Begin(r.record.StartedAt)
	return nil
}

// reasonOf is why a store refused a commit.
func reasonOf(err error) string {
	if refused, ok := errors.AsType[*state.RefusedError](err); ok {
		return "the state store does not take " + strings.TrimPrefix(refused.Reason, "the ")
	}
	return err.Error()
}
