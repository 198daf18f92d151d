package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
)

// Lease is the lease of this process: what it holds, no other process touches.
type Lease interface {
	// ID is unique to this process.
	ID() string
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists. One that
	// is gone does not come back.
	Alive(ctx context.Context, id string) (bool, error)
}

// Actions finds the actions that steps call. The error is *sdk.Error.
type Actions interface {
	Find(integration, action string) (*action.Action, error)
}

// Defaults of Options.
const (
	DefaultMaxRunning    = 1000
	DefaultCallTimeout   = 2 * time.Minute
	DefaultCheckInterval = 2 * time.Second
	DefaultMaxQueued     = 100_000
)

// Bounds of what is kept of a run.
const (
	// MaxResult is the most bytes that a step's result may have: every later
	// step may read it.
	MaxResult = 1 << 20
	// MaxInput is the most bytes that an input, or a signal's body, may have.
	MaxInput = 1 << 20
)

// Options are what an engine is made of. Store, Lease and Actions are required.
type Options struct {
	Store   state.Store
	Lease   Lease
	Actions Actions
	Logger  *slog.Logger
	// Now is the clock for recorded times; nil is time.Now.
	Now func() time.Time
	// MaxRunning bounds the runs that are worked on at once, and with them the
	// engine's memory; further ones wait in the store. 0 is DefaultMaxRunning.
	MaxRunning int
	// MaxQueued bounds the runs that wait for their turn; a start over it is
	// ErrOverloaded. 0 is DefaultMaxQueued.
	MaxQueued int
	// Retention says how long runs are kept after their end.
	Retention Retention
	// CallTimeout bounds one attempt at an action; 0 is DefaultCallTimeout.
	CallTimeout time.Duration
	// CheckInterval is how often the store is searched for runs that nobody
	// works on; 0 is DefaultCheckInterval.
	CheckInterval time.Duration
}

// Engine runs workflows. Its methods are safe for concurrent use.
type Engine struct {
	store     state.Store
	lease     Lease
	log       *slog.Logger
	outage    *outage.Log // of the store
	now       func() time.Time
	timeout   time.Duration
	interval  time.Duration
	maxQueued int
	retention Retention

	actions       Actions
	definitions   definitions
	slots         chan struct{} // one token for each run that is worked on
	wakeTimers    chan struct{} // pokes the timer loop
	wakeQueue     chan struct{} // pokes the queue loop
	wakeCheck     chan struct{} // pokes the check loop
	wakeAdmission chan struct{} // pokes the admission loop
	backlog       atomic.Int64  // how many runs stood in the queue at the last look, up to a bound

	calls       context.Context // of actions; ends when the drain time is over
	cancelCalls context.CancelCauseFunc
	stopping    chan struct{}
	stopOnce    sync.Once
	loops       sync.WaitGroup // timer, queue, check, admission and retention loop
	driving     sync.WaitGroup // runs that are worked on
	workers     *workerPool    // works on runs and makes their calls

	mu      sync.Mutex            // guards the fields below
	stopped bool                  // no further run is taken up
	active  map[string]*activity  // the runs that this process works on, by id
	waiters map[string][]chan Run // by run id
	// watchers are those who follow a run, by its id.
	watchers map[string][]chan struct{}
}

// activity is what is known of a run that this process works on.
type activity struct {
	ended    bool // its end was announced
	notified bool // it has mail that was not looked at
	run      *run // nil while it is being made or claimed
}

// New makes an engine. It does nothing before Run.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxRunning == 0 {
		o.MaxRunning = DefaultMaxRunning
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = DefaultMaxQueued
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = DefaultCallTimeout
	}
	if o.CheckInterval == 0 {
		o.CheckInterval = DefaultCheckInterval
	}
	e := &Engine{
		store:         o.Store,
		actions:       o.Actions,
		lease:         o.Lease,
		log:           o.Logger,
		outage:        outage.New(o.Logger, "the state store"),
		now:           o.Now,
		timeout:       o.CallTimeout,
		interval:      o.CheckInterval,
		maxQueued:     o.MaxQueued,
		retention:     o.Retention.withDefaults(),
		slots:         make(chan struct{}, o.MaxRunning),
		wakeTimers:    make(chan struct{}, 1),
		wakeQueue:     make(chan struct{}, 1),
		wakeCheck:     make(chan struct{}, 1),
		wakeAdmission: make(chan struct{}, 1),
		stopping:      make(chan struct{}),
		active:        make(map[string]*activity),
		waiters:       make(map[string][]chan Run),
		watchers:      make(map[string][]chan struct{}),
	}
	e.workers = newWorkerPool(e.stopping)
	e.calls, e.cancelCalls = context.WithCancelCause(context.Background())
	return e
}

// NewRunID makes a run id: a UUIDv7 (RFC 9562), so that ids order by time and
// what is written of new runs stays at the right edge of the store's trees.
func NewRunID() string { return uuid.Must(uuid.NewV7()).String() }

// Run takes up the runs that nobody works on, those of a process that ended
// before this one first of all, and keeps doing so until Stop. It returns at
// once.
func (e *Engine) Run() {
	e.loops.Go(e.checkLoop)
	e.loops.Go(e.timerLoop)
	e.loops.Go(e.queueLoop)
	e.loops.Go(e.admitLoop)
	e.loops.Go(e.retentionLoop)
	wake(e.wakeCheck)
}

// Stop ends the engine's work. Calls under way may finish and are recorded
// until ctx ends; then they are abandoned, and what they were at is found out
// by whoever takes the runs up. Runs that are between two calls are handed
// back to the store at once. Stop may be called again.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	e.stopOnce.Do(func() { close(e.stopping) })
	e.loops.Wait()

	done := make(chan struct{})
	go func() { e.driving.Wait(); close(done) }()
	select {
	case <-done:
		e.cancelCalls(ErrStopped)
		e.workers.wait()
		return nil
	case <-ctx.Done():
		e.cancelCalls(ErrStopped)
		<-done
		e.workers.wait()
		return fmt.Errorf("engine: calls were abandoned: %w", context.Cause(ctx))
	}
}

// reserve marks a run as worked on by this process; nil if it is already, or
// the engine is stopping. The caller of another answer calls release.
func (e *Engine) reserve(id string) *activity {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, taken := e.active[id]; taken || e.stopped {
		return nil
	}
	a := &activity{}
	e.active[id] = a
	e.driving.Add(1)
	return a
}

// release ends a reservation, and reports whether the run has mail that was not
// looked at.
func (e *Engine) release(id string) (notified bool) {
	e.mu.Lock()
	notified = e.active[id].notified
	delete(e.active, id)
	e.mu.Unlock()
	e.driving.Done()
	return notified
}

// attach lets a run be told of its mail from now on.
func (e *Engine) attach(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.activity.run = r
	r.updates.message = r.activity.notified
}

// nudge tells a run that this process works on that it has mail.
func (e *Engine) notify(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.active[id]
	if !ok {
		return
	}
	a.notified = true
	if r := a.run; r != nil {
		e.workers.do(func() { r.deliver(func(n *updates) { n.message = true }) })
	}
}

// heard notes that a run is about to look at its mail.
func (e *Engine) ack(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.activity.notified = false
}

// trySlot takes a place among the runs that are worked on, if there is one.
func (e *Engine) trySlot() bool {
	select {
	case e.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// waitSlot takes a place, waiting for one; false if the engine stops first.
func (e *Engine) waitSlot() bool {
	select {
	case e.slots <- struct{}{}:
		return true
	case <-e.stopping:
		return false
	}
}

// freeSlot gives a place back. The queue loop, where it has found a run that
// waits, is the first in line.
func (e *Engine) freeSlot() { <-e.slots }

// wake wakes a loop that sleeps; a poke while it is awake is kept.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for a poke, a time or the end of the engine; false at the end.
func (e *Engine) sleep(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return true
	case <-e.stopping:
		return false
	}
}

func (e *Engine) isStopping() bool {
	select {
	case <-e.stopping:
		return true
	default:
		return false
	}
}
