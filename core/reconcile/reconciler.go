package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
)

const (
	// checkInterval is how often the store is searched for passes that are due, were
	// asked for at another gateway, or were left behind by one.
	checkInterval = 2 * time.Second
	// retryPause follows a store that fails.
	retryPause = time.Second
	// handoverTimeout bounds what is written of a pass when this process stops.
	handoverTimeout = 5 * time.Second
	// pageSize is how many names and members are read at once.
	pageSize = 500
)

// Lease is the lease of this process.
type Lease interface {
	ID() string
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists. One that
	// is gone does not come back.
	Alive(ctx context.Context, id string) (bool, error)
}

// Options are what a Reconciler is made of. Store, Lease and Events are required.
type Options struct {
	Store state.Store
	Lease Lease
	// Events are those of the same store.
	Events *event.Log
	Logger *slog.Logger
	// Now is the clock that the time of a pass is reckoned by; nil is time.Now. When
	// the next one is due, the store's clock says.
	Now func() time.Time
}

// Reconciler works on passes. Its methods are safe for concurrent use.
type Reconciler struct {
	store   state.Store
	lease   Lease
	events  *event.Log
	log     *slog.Logger
	now     func() time.Time
	outage  *outage.Log
	metrics *metrics

	wakeup   wakeup.Wakeup // of the loop
	stopping context.Context
	stop     context.CancelFunc
	loop     sync.WaitGroup

	setting sync.Mutex // held while Set exchanges the webhooks

	mu       sync.Mutex // guards the fields below
	webhooks map[string]*entry
	changing bool // Set waits for the work to end, and none begins
}

// entry is a webhook of the present config.
type entry struct {
	Webhook
	failures *outage.Log // of passes

	// cancel ends the work of this process on it, and done is closed at its end; both
	// are nil while it does no work.
	cancel context.CancelFunc
	done   chan struct{}
	// succeeded is when a pass of its own accord has finished, as far as is known.
	succeeded time.Time
	// refused are events that cannot be kept, a bounded number: each is named once by
	// the passes of their own accord, which overlap. It belongs to the work.
	refused map[string]bool
	// span is how long the next window is. It belongs to the work, too.
	span time.Duration
}

// maxRefused bounds what is remembered of events that cannot be kept.
const maxRefused = 1000

// New makes a reconciler without webhooks. It works on nothing before Run.
func New(o Options) *Reconciler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Reconciler{
		store: o.Store, lease: o.Lease, events: o.Events, log: o.Logger, now: o.Now,
		outage: outage.New(o.Logger, outage.Trouble("the comparison of webhooks with their vendors")), metrics: newMetrics(),
		wakeup: wakeup.New(), webhooks: map[string]*entry{},
	}
	r.stopping, r.stop = context.WithCancel(context.Background())
	return r
}

// Run works on passes, also on those that an earlier process left behind, until Stop.
// It returns at once.
func (r *Reconciler) Run() { r.loop.Go(r.work) }

// Stop hands the passes over after the event that is being taken in. It may be called
// again.
func (r *Reconciler) Stop() {
	r.stop()
	r.loop.Wait()
	r.mu.Lock()
	working := endWork(r.webhooks)
	r.mu.Unlock()
	for _, done := range working {
		<-done
	}
}

// endWork ends the work of this process on webhooks. What it returns is closed once the
// work has ended. The caller holds the lock.
func endWork(webhooks map[string]*entry) (working []chan struct{}) {
	for _, e := range webhooks {
		if e.cancel != nil {
			e.cancel()
			working = append(working, e.done)
		}
	}
	return working
}

// Set replaces the webhooks. The work on a pass goes on from where it is, by what is
// set now.
func (r *Reconciler) Set(ctx context.Context, webhooks []Webhook) error {
	r.setting.Lock()
	defer r.setting.Unlock()
	current := make(map[string]*entry, len(webhooks))
	for _, w := range webhooks {
		e := &entry{Webhook: w.withDefaults(), refused: map[string]bool{}, span: firstSpan}
		e.failures = outage.New(r.log.With("webhook", w.Name), outage.Messages{
			Level:  slog.LevelWarn,
			Begins: "the events of a webhook could not be compared with its vendor's list; the next pass tries again",
			Lasts:  "the events of a webhook still cannot be compared with its vendor's list",
			Ends:   "the events of a webhook are compared with its vendor's list again",
		})
		if err := r.register(ctx, e); err != nil {
			return fmt.Errorf("reconcile: webhook %s: %w", w.Name, err)
		}
		current[w.Name] = e
	}
	r.mu.Lock()
	r.changing = true
	working := endWork(r.webhooks)
	r.mu.Unlock()
	for _, done := range working { // each hands its pass over
		<-done
	}
	r.mu.Lock()
	r.changing = false
	for name, before := range r.webhooks {
		if kept := current[name]; kept != nil {
			kept.failures, kept.succeeded = before.failures, later(kept.succeeded, before.succeeded)
		}
	}
	r.metrics.keep(r.webhooks, current)
	r.webhooks = current
	r.mu.Unlock()
	r.wakeup.Wake()
	return nil
}

// register makes sure that a webhook is in the store, with a timer for its next pass
// where it has passes of its own accord. The first one is due at once.
func (r *Reconciler) register(ctx context.Context, e *entry) error {
	if e.Every == 0 { // it is stored once a pass is asked for
		rec, _, err := r.read(ctx, e.Name)
		if err != nil || rec == nil || rec.Next.IsZero() {
			return err
		}
	}
	return r.update(ctx, e.Name, engine.Once{}, func(rec *record) ([]state.Op, error) {
		if e.succeeded = rec.Succeeded; e.succeeded.IsZero() {
			e.succeeded = r.now()
		}
		if e.Every == 0 {
			rec.Next = time.Time{}
			return []state.Op{state.ClearTimer(layout.QueueReconcile, e.Name)}, nil
		}
		if now := r.now().UTC(); rec.Next.IsZero() || rec.Next.After(now.Add(e.Every)) { // or by another config
			rec.Next = now
		}
		return []state.Op{state.SetTimerAfter(layout.QueueReconcile, e.Name, max(0, rec.Next.Sub(r.now())))}, nil
	})
}

// work starts the work on what is due.
func (r *Reconciler) work() {
	for {
		wait, err := r.check()
		if r.stopping.Err() != nil {
			return
		}
		if r.outage.Note("look for what is due", err); err != nil {
			wait = retryPause
		}
		if !r.wakeup.Sleep(r.stopping.Done(), wait) {
			return
		}
	}
}

// check starts the work on the passes that are due or wait and that no live process has.
// It returns how long to wait until the next time.
func (r *Reconciler) check() (wait time.Duration, err error) {
	r.mu.Lock()
	count, timed := len(r.webhooks), 0
	for _, e := range r.webhooks {
		if e.Every > 0 {
			timed++
		}
	}
	r.mu.Unlock()
	if count == 0 {
		return time.Hour, nil // Set ends it
	}
	names := map[string]bool{} // and whether a pass of its own accord is due
	for after := ""; ; {
		busy, err := r.store.Range(r.stopping, state.Range{Set: layout.SetReconcileBusy, After: after, Limit: pageSize})
		if err != nil {
			return 0, err
		}
		if len(busy) == 0 {
			break
		}
		for _, name := range busy {
			names[name] = false
		}
		after = busy[len(busy)-1]
	}
	wait = checkInterval
	if timed > 0 {
		// There may be timers of webhooks that only other gateways know.
		due, next, err := r.store.Due(r.stopping, layout.QueueReconcile, count+100)
		if err != nil {
			return 0, err
		}
		for _, timer := range due {
			names[timer.ID] = true
		}
		if next >= 0 && next < wait {
			wait = next
		}
	}
	for name, due := range names {
		if err := r.claim(name, due); err != nil {
			return 0, err
		}
	}
	return wait, nil
}

// errNothing ends a claim: there is nothing to work on.
var errNothing = errors.New("reconcile: there is nothing to do")

// claim makes this process work on a webhook, unless it does already or a live process
// does.
func (r *Reconciler) claim(name string, due bool) error {
	r.mu.Lock()
	e := r.webhooks[name]
	idle := e != nil && e.cancel == nil && !r.changing
	r.mu.Unlock()
	if !idle {
		return nil
	}
	var claimed *record
	err := r.update(r.stopping, name, engine.Once{}, func(rec *record) ([]state.Op, error) {
		if rec.Lease != "" && rec.Lease != r.lease.ID() {
			alive, err := r.lease.Alive(r.stopping, rec.Lease)
			if err != nil {
				return nil, err
			}
			if alive {
				return nil, errOther
			}
		}
		ops, ok := r.begin(rec, e, due)
		if !ok {
			return nil, errNothing
		}
		rec.Lease = r.lease.ID()
		claimed = rec
		return ops, nil
	})
	switch {
	case errors.Is(err, errOther) || errors.Is(err, errNothing):
		return nil
	case err != nil:
		var conflict *state.ConflictError
		if errors.As(err, &conflict) {
			return nil // the timer: another gateway was faster
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.webhooks[name] != e || r.changing || r.stopping.Err() != nil { // the next check, or process, takes it up
		return nil
	}
	ctx, cancel := context.WithCancel(r.stopping)
	e.cancel, e.done = cancel, make(chan struct{})
	go r.workOn(ctx, e, claimed.clone()) // Set and Stop wait for its end
	return nil
}

// begin makes the pass that comes next the one under way: that which was left behind,
// else the first one that was asked for, else one that is due.
func (r *Reconciler) begin(rec *record, e *entry, due bool) (ops []state.Op, ok bool) {
	now := r.now().UTC()
	if due && e.Every > 0 {
		ops = []state.Op{state.RequireDue(layout.QueueReconcile, e.Name), state.SetTimerAfter(layout.QueueReconcile, e.Name, e.Every)}
	}
	switch {
	case rec.Pass != nil:
		return nil, true // what is due stays due until it has ended
	case len(rec.Queue) > 0:
		p := rec.Queue[0]
		rec.Queue = rec.Queue[1:]
		p.Status, p.StartedAt = StatusRunning, now
		p.Until, p.Through, p.Judged = now, p.Since, p.Since
		rec.Pass = &p
		return nil, true
	case len(ops) > 0:
		rec.Pass, rec.Next = r.ownPass(rec, e, now), now.Add(e.Every)
		return ops, true
	default:
		return nil, false
	}
}

// overlap is how much a pass compares again of what the one before has compared: what
// the vendor listed late, or its clock dated back, is found all the same.
const overlap = 10 * time.Minute

// ownPass returns the pass over the time since the watermark.
func (r *Reconciler) ownPass(rec *record, e *entry, now time.Time) *Pass {
	until := now.Add(-e.Grace).Truncate(time.Second)
	floor := now.Add(-e.Lookback).Truncate(time.Second)
	p := &Pass{ID: engine.NewRunID(), Webhook: e.Name, Status: StatusRunning, CreatedAt: now, StartedAt: now, Until: until}
	switch mark := rec.Watermark; {
	case mark.IsZero():
		p.Since = floor
	case mark.After(now):
		r.log.Warn("the time up to which a webhook was compared with its vendor's list is in the future: a clock was wrong; all that is not too old is compared again",
			"webhook", e.Name, "watermark", mark)
		p.Since = floor
		rec.Watermark = time.Time{}
	case mark.Before(floor):
		p.Gap = &Gap{Since: mark, Until: floor}
		r.log.Warn("events of a webhook may be missing for good: nothing was compared for longer than reconcile.lookback; ask for a pass over the gap",
			"webhook", e.Name, "since", mark, "until", floor)
		p.Since = floor
	default:
		p.Since = later(mark.Add(-overlap), floor)
	}
	if p.Since.After(until) {
		p.Since = until
	}
	p.Through = p.Since
	if rec.Judged.After(now) {
		rec.Judged = now
	}
	return p
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// workOn works on the passes of a webhook until none is left, or the work is cancelled.
func (r *Reconciler) workOn(ctx context.Context, e *entry, rec *record) {
	defer func() {
		r.mu.Lock()
		e.cancel()
		close(e.done)
		e.cancel, e.done = nil, nil
		r.mu.Unlock()
		r.wakeup.Wake()
	}()
	for {
		w := &worker{
			Reconciler: r, entry: e, pass: rec.Pass.clone(),
			watermark: rec.Watermark, judged: rec.Judged, confirmed: rec.Confirmed, unproven: rec.Unproven,
		}
		err := w.run(ctx)
		if ctx.Err() != nil {
			ctx, cancel := context.WithTimeout(context.Background(), handoverTimeout)
			defer cancel()
			if err := w.save(ctx, func(rec *record) ([]state.Op, error) { rec.Lease = ""; return nil, nil }); err != nil && !errors.Is(err, errOther) {
				r.log.Warn("the comparison of a webhook could not be handed over; it is taken up when the lease is over", "webhook", e.Name, "error", err)
			}
			return
		}
		if errors.Is(err, errOther) {
			return
		}
		if rec, err = w.finish(ctx, err); err != nil || rec == nil {
			r.outage.Note("end a pass", err)
			return
		}
	}
}
