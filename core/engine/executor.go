package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
)

// executor works on the runs that this process holds. Its fields do not change.
type executor struct {
	base
	actions     Actions
	timeout     time.Duration // of one call
	turnBytes   int           // of one turn of a run
	definitions *definitions
	reader      *reader
	inbox       *inbox
	active      *activeRuns
	metrics     *metrics
	subscribers *subscribers
	wakeups     *wakeups
	workers     *workerPool

	*stopSignal                 // no further call is to be started
	calls       context.Context // of calls; ends when the drain time is over
	cancelCalls context.CancelCauseFunc
}

// free gives back the slot of a run and its reservation: see unreserve.
func (e *executor) free(id string, due bool) {
	e.active.freeSlot()
	e.unreserve(id, due)
}

// unreserve gives back the reservation of a run. What has come for the run meanwhile, a
// message or a claim, is looked at again. due says that it may have a timer.
func (e *executor) unreserve(id string, due bool) {
	notified, wanted := e.active.release(id)
	if notified || wanted || due {
		e.wakeups.timers.Wake()
	}
	if wanted {
		e.wakeups.queue.Wake()
	}
}

func newExecutor(base base, o Options, definitions *definitions, reader *reader) *executor {
	signal := newStopSignal()
	e := &executor{
		base:        base,
		actions:     o.Actions,
		timeout:     o.CallTimeout,
		turnBytes:   min(maxTurnBytes, state.LimitsOf(o.Store).Value/2),
		definitions: definitions,
		reader:      reader,
		inbox:       &inbox{store: o.Store, lease: o.Lease},
		active:      newActiveRuns(o.MaxRunning),
		metrics:     newMetrics(),
		subscribers: newSubscribers(),
		wakeups:     newWakeups(),
		workers:     newWorkerPool(signal.stopping),
		stopSignal:  signal,
	}
	e.calls, e.cancelCalls = context.WithCancelCause(context.Background())
	return e
}

// stop makes reservations fail and starts no further call. It may be called
// again.
func (e *executor) stop() {
	e.active.stop()
	e.signalStop()
}

// drain waits, after stop, for the runs that are worked on. If ctx ends first,
// their calls are abandoned. Nothing runs any more when it returns.
func (e *executor) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() { e.active.left.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("engine: calls were abandoned: %w", context.Cause(ctx))
	}
	e.cancelCalls(ErrStopped)
	<-done
	e.workers.wait()
	return err
}

// notifyAfterCommit notifies other runs and the services of what was committed.
func (e *executor) notifyAfterCommit(f followUps) {
	if len(f.notify) > 0 {
		for _, id := range f.notify {
			e.active.notify(id)
		}
		e.wakeups.timers.Wake()
	}
	if f.queued {
		e.wakeups.queue.Wake()
		e.wakeups.admission.Wake()
	}
}
