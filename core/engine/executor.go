package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// executor works on the runs that this process holds. Its fields do not change.
type executor struct {
	base
	actions     Actions
	timeout     time.Duration // of one call
	definitions *definitions
	inbox       *inbox
	active      *activeRuns
	subscribers *subscribers
	wakeups     *wakeups
	workers     *workerPool

	stopping    chan struct{} // closed when no further call is to be started
	stopOnce    sync.Once
	calls       context.Context // of calls; ends when the drain time is over
	cancelCalls context.CancelCauseFunc
}

func newExecutor(base base, o Options, definitions *definitions) *executor {
	stopping := make(chan struct{})
	e := &executor{
		base:        base,
		actions:     o.Actions,
		timeout:     o.CallTimeout,
		definitions: definitions,
		inbox:       &inbox{store: o.Store, lease: o.Lease},
		active:      newActiveRuns(o.MaxRunning),
		subscribers: newSubscribers(),
		wakeups:     newWakeups(),
		workers:     newWorkerPool(stopping),
		stopping:    stopping,
	}
	e.calls, e.cancelCalls = context.WithCancelCause(context.Background())
	return e
}

// isStopping reports whether no further call is to be started.
func (e *executor) isStopping() bool {
	select {
	case <-e.stopping:
		return true
	default:
		return false
	}
}

// stop makes reservations fail and starts no further call. It may be called
// again.
func (e *executor) stop() {
	e.active.stop()
	e.stopOnce.Do(func() { close(e.stopping) })
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
		e.wakeups.timers.wake()
	}
	if f.queued {
		e.wakeups.queue.wake()
		e.wakeups.admission.wake()
	}
}
