package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// MaxRecoveries is how often in a row a run is claimed after its process ended,
// without any progress, before it is given up: what it does may be what ends them.
const MaxRecoveries = 10

// recovery continues runs that are marked as worked on while no process works on
// them: those of a process that ended, and those of this process that an outage
// of the store interrupted. It also measures the queue.
type recovery struct {
	*service
	*claims
	queue    *queue
	interval time.Duration
}

// Start searches in the background until Stop.
func (r *recovery) Start() { r.run(r.loop) }

func (r *recovery) loop() {
	for r.sleep(r.wakeups.recovery, r.interval) {
		r.outage.Note("search for runs that nobody works on", r.round(context.Background()))
		r.outage.Note("measure the queue", r.queue.measure(context.Background()))
	}
}

func (r *recovery) round(ctx context.Context) error {
	alive := map[string]bool{} // leases of others
	for after := ""; ; {
		members, err := r.store.Range(ctx, state.Range{Set: layout.SetRunning, After: after, Limit: page})
		if err != nil || len(members) == 0 {
			return err
		}
		for _, member := range members {
			id, lease := splitRunning(member)
			if _, asked := alive[lease]; !asked {
				if alive[lease], err = r.heldElsewhere(ctx, lease); err != nil {
					return err
				}
			}
			if alive[lease] || r.active.contains(id) {
				continue
			}
			if !r.active.waitSlot(r.service.stopping) {
				return nil
			}
			r.claimOrphaned(id, lease)
		}
		after = members[len(members)-1]
	}
}

// heldElsewhere reports whether a lease is that of another process, which lives.
func (r *recovery) heldElsewhere(ctx context.Context, lease string) (bool, error) {
	if lease == r.lease.ID() {
		return false, nil
	}
	alive, err := r.lease.Alive(ctx, lease)
	if err != nil {
		return false, fmt.Errorf("engine: %w", err)
	}
	return alive, nil
}

// claimOrphaned claims a run that was worked on under a lease which is over for
// certain. The caller has a slot.
func (r *recovery) claimOrphaned(id, deadLease string) bool {
	return r.tryClaim(id, func(ctx context.Context, a *activity) (*execution, error) {
		run, data, err := r.load(ctx, id, a)
		if err != nil || run == nil || run.record.Lease == "" {
			return nil, err
		}
		if _, err := run.readInbox(ctx); err != nil {
			return nil, err
		}
		// Since it was found, a process that lives may have claimed it. Under a lease
		// that was over before the journal was read nothing more can be written.
		if run.record.Lease != deadLease {
			return nil, nil
		}
		events, err := run.interruptedCalls()
		if err != nil {
			return nil, err
		}
		return run.claim(events, extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}})
	})
}

// interruptedCalls returns the events for the calls that were in flight when the
// run's process ended.
func (r *execution) interruptedCalls() ([]workflow.Event, error) {
	now := r.now().UTC()
	if r.record.Recoveries++; r.record.Recoveries > MaxRecoveries {
		return r.giveUp(now), nil
	}
	var events []workflow.Event
	for _, call := range r.machine.Calls() {
		repeat, known := r.repeat(call.Integration, call.Action, call.Params)
		if !known {
			r.record.Recoveries--
			return nil, fmt.Errorf("%w: integration %s is not ready", errNotClaimable, call.Integration)
		}
		if event, ended := r.machine.Interrupted(call.Path, repeat, now); ended {
			events = append(events, event)
		}
	}
	return events, nil
}

// giveUp returns the events that end what the run was doing.
func (r *execution) giveUp(now time.Time) []workflow.Event {
	err := &sdk.Error{
		Code: workflow.CodeParked, Outcome: sdk.OutcomeUnknown,
		Message: fmt.Sprintf("the process that worked on the run ended %d times in a row without any progress", MaxRecoveries),
	}
	calls := r.machine.Calls()
	if len(calls) == 0 {
		return []workflow.Event{r.machine.GiveUp(err, now)}
	}
	events := make([]workflow.Event, len(calls))
	for i, call := range calls {
		repeat, _ := r.repeat(call.Integration, call.Action, call.Params)
		events[i] = r.machine.Failed(call.Path, err, workflow.Repeat{Reads: repeat.Reads}, now)
	}
	return events
}
