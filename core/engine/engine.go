package engine

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// Engine runs workflows. Its methods are safe for concurrent use.
type Engine struct {
	executor  *executor
	timers    *timers
	queue     *queue
	recovery  *recovery
	admission *admission
	retention *retention

	starter  *starter
	controls *controls
	replays  *replays
	queries  *queries
	census   *census
}

// New makes an engine. It does nothing before Run.
func New(o Options) *Engine {
	o = o.withDefaults()
	base := base{store: o.Store, lease: o.Lease, log: o.Logger, outage: outageOf(o.Store, o.Logger), now: o.Now, corrupt: &corruptRuns{}}
	definitions := &definitions{store: o.Store, lease: o.Lease}
	reader := &reader{
		store: o.Store, definitions: definitions,
		limits:  workflow.Limits{Bytes: o.MaxRunBytes, Steps: o.MaxRunSteps},
		loading: semaphore.NewWeighted(maxLoadingMiB),
	}
	executor := newExecutor(base, o, definitions, reader)
	claims := &claims{executor: executor}
	e := &Engine{
		executor:  executor,
		timers:    &timers{service: newService(), claims: claims, interval: o.CheckInterval},
		queue:     &queue{service: newService(), claims: claims, interval: o.CheckInterval, limit: o.MaxQueued},
		admission: &admission{service: newService(), claims: claims, interval: o.CheckInterval},
		retention: &retention{batches: batches{service: newService(), base: base, reader: reader}, policy: o.Retention, removing: o.Removing},
		controls:  &controls{executor: executor},
		census:    &census{base: base, reader: reader, metrics: executor.metrics},
		queries:   &queries{reader: reader, active: executor.active, subscribers: executor.subscribers},
	}
	e.recovery = &recovery{service: newService(), claims: claims, queue: e.queue, interval: o.CheckInterval}
	e.starter = &starter{executor: executor, reader: reader, queue: e.queue, admission: e.admission}
	e.replays = &replays{starter: e.starter, controls: e.controls}
	return e
}

// Run begins to claim the runs that no process works on, and continues until
// Stop. Runs that an earlier process left behind come first. It returns at once.
func (e *Engine) Run() {
	e.recovery.Start()
	e.timers.Start()
	e.queue.Start()
	e.admission.Start()
	e.retention.Start()
	e.executor.wakeups.recovery.Wake()
}

// Stop ends the engine's work. Calls in flight may finish and are recorded until
// ctx ends; then they are abandoned, and the process that claims the runs next
// determines their outcome. Runs between two calls are handed back at once. Stop
// may be called again.
func (e *Engine) Stop(ctx context.Context) error {
	e.executor.stop()
	var stopping sync.WaitGroup
	for _, stop := range []func(){e.recovery.Stop, e.timers.Stop, e.queue.Stop, e.admission.Stop, e.retention.Stop} {
		stopping.Go(stop)
	}
	// A loop may wait for the outcome of a claim: until the calls are abandoned.
	err := e.executor.drain(ctx)
	stopping.Wait()
	return err
}

// SetDefinitions makes the definitions durable and starts new runs with them from
// then on. Unfinished runs keep those that they began with.
func (e *Engine) SetDefinitions(ctx context.Context, list []*workflow.Definition) error {
	if err := e.executor.definitions.set(ctx, list); err != nil {
		return err
	}
	e.executor.metrics.setWorkflows(list)
	return nil
}

// Workflows lists the definitions that can be started with an input, by id.
func (e *Engine) Workflows() []*workflow.Definition { return e.executor.definitions.startable() }

// Start makes a run and returns once it is on stable storage, with the run as it
// was accepted: queued. It then goes on without the caller.
//
// Errors: ErrUnknownWorkflow; *sdk.Error with the faults of an input that does not
// meet the workflow's schema; ErrBadInput; ErrTooLarge; ErrFull where the
// workflow's limit drops the run; ErrOverloaded; ErrStopped; ErrStale where the
// timer of req.Advance was moved, *DuplicateError where req.Once is taken, and
// ErrStale where a condition of req.Beside does not hold, in this order; ErrFenced; one that matches ErrUnavailable when it is not known
// whether the run was made: if it was, it will go on.
func (e *Engine) Start(ctx context.Context, req StartRequest) (Run, error) {
	return e.starter.start(ctx, req)
}

// Rerun starts a run with the input of one that has ended, by the present definition
// of its workflow, and returns as Start does. The two name each other, and the one
// that was replaced can be retried no more. Errors, beside those of Start:
// ErrNotFound; *sdk.Error with CodeConflict for a run that cannot be run again, and
// with CodeOutcomeUnknown while it is not known whether one of its steps took effect;
// ErrBusy.
func (e *Engine) Rerun(ctx context.Context, req RerunRequest) (Run, error) {
	return e.starter.rerun(ctx, req)
}

// Replay has what a run of an event has not done be done by the present definition of
// its workflow, and returns the run that does it. Where the definition is the one that
// the run has, the run itself goes on as Retry says. Else another run takes its place, as
// with Rerun, and takes over the results of the steps that succeeded and are still the
// same: see workflow.Machine.TakeOver. With req.FromStart another run does everything.
//
// Errors, beside those of Start and Retry: ErrNotFound; *sdk.Error with CodeConflict for
// a run that has not ended, has nothing left to do, or did what cannot be taken over,
// and with CodeOutcomeUnknown while it is not known whether one of its steps took
// effect; ErrBusy, also where the record of req.Swap was changed.
func (e *Engine) Replay(ctx context.Context, req ReplayRequest) (Run, error) {
	return e.replays.replay(ctx, req)
}

// Cancel ends a run, in whatever state it is: what waits ends at once, a call in
// flight is waited for and recorded, and what can be compensated is. It returns
// once the cancellation is on stable storage, with the run as it is then.
// Cancelling a run that has ended is ErrEnded; a further request with once is a
// *DuplicateError.
func (e *Engine) Cancel(ctx context.Context, id string, once Once) (Run, error) {
	return e.controls.send(ctx, id, message{Kind: messageCancel}, once)
}

// Signal sends a signal to a run. It returns once the signal is on stable
// storage. The run takes it when it waits for a signal of that name, each once,
// in the order of arrival. Errors: ErrNotFound, ErrEnded, ErrTooLarge, ErrInboxFull
// where no step waits for it and as many wait already as may, and *DuplicateError
// where once is taken.
func (e *Engine) Signal(ctx context.Context, id, name string, body value.Doc, once Once) (Run, error) {
	if size := len(body.Raw()); size > MaxInput {
		return Run{}, fmt.Errorf("%w: %d bytes are more than %d", ErrTooLarge, size, MaxInput)
	}
	return e.controls.send(ctx, id, message{Kind: messageSignal, Name: name, Body: body}, once)
}

// Retry lets a failed run go on from where it failed. A step that failed for
// certain is called with another idempotency key, one whose outcome is unknown with
// the same. A run that failed as its child did has the child retried. Errors:
// ErrNotFound; *sdk.Error with CodeConflict for a run that cannot be retried, and
// with CodeOutcomeUnknown where that could repeat, under another key, what may have
// taken effect; *DuplicateError where req.Once is taken; ErrBusy.
func (e *Engine) Retry(ctx context.Context, req RetryRequest) (Run, error) {
	return e.controls.retry(ctx, req)
}

// Get returns a run with its steps, or ErrNotFound. Results above
// workflow.MaxShownResult are left out.
func (e *Engine) Get(ctx context.Context, id string) (Run, error) { return e.queries.get(ctx, id) }

// Lookup returns those of some runs that there are, by id, as lists show them. There
// may be 200 ids at most.
func (e *Engine) Lookup(ctx context.Context, ids []string) (map[string]Run, error) {
	return e.queries.lookup(ctx, ids)
}

// Roots returns what a run started with, by the name of the root, or ErrNotFound.
func (e *Engine) Roots(ctx context.Context, id string) (map[string]value.Doc, error) {
	return e.queries.roots(ctx, id)
}

// WorkflowsWith returns the ids of all workflows that the engine has ever known, and
// that begin with a prefix, in byte order.
func (e *Engine) WorkflowsWith(ctx context.Context, prefix string) ([]string, error) {
	return e.queries.reader.withPrefix(ctx, prefix)
}

// Result returns the whole result of the step at a path in a run: ErrNotFound if
// there is no such run, ErrNoResult if there is no such step or it has no result.
func (e *Engine) Result(ctx context.Context, id, path string) (StepResult, error) {
	return e.queries.result(ctx, id, path)
}

// Wait returns a run when it has ended, or as it is when ctx is done. While this
// process works on the run, the store is not asked: its end is announced.
func (e *Engine) Wait(ctx context.Context, id string) (Run, error) { return e.queries.wait(ctx, id) }

// Follow returns what happened in a run after the journal entry given (-1 is from
// the beginning), as far as a few entries tell it, and waits for something to happen
// if nothing has. It returns early when ctx is done, then without events. Once the run
// has ended and all its events were returned, it returns at once.
func (e *Engine) Follow(ctx context.Context, id string, after int) (Progress, error) {
	return e.queries.follow(ctx, id, after)
}

// List returns a page of runs, the newest first.
func (e *Engine) List(ctx context.Context, req ListRequest) (List, error) {
	return e.queries.reader.list(ctx, req)
}
