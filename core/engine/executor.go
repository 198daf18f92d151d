package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// executor is what this process works on runs with. Its fields do not change.
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

// stop has no further run reserved and no further call started. It may be called
// again.
func (e *executor) stop() {
	e.active.stop()
	e.stopOnce.Do(func() { close(e.stopping) })
}

// drain waits for the runs that are worked on, after stop. When ctx
// ends before, their calls are abandoned. Nothing runs any more when it returns.
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

// notifyAfterCommit tells other runs, and the services, what a commit that was made
// means to them.
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
