package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const (
	// checkInterval is how often the timers are read where none is known to be due
	// before: the store's clock may have been set.
	checkInterval = 10 * time.Second
	// restoreInterval is how often missing records are made again: a gateway that
	// starts with another config removes those that it does not have.
	restoreInterval = time.Minute
	// retryPause is how long a tick waits that could not be handled.
	retryPause = time.Second
	// maxTries bounds how often Set tries to change a record that others change.
	maxTries = 8
)

// Schedule starts runs of a workflow.
type Schedule struct {
	// Name is unique among the schedules.
	Name string
	Cron *Cron
	// Workflow is the id of the workflow and Input what its runs start with.
	Workflow string
	Input    value.Doc
}

// Starter starts runs, as engine.Engine does.
type Starter interface {
	Start(ctx context.Context, req engine.StartRequest) (engine.Run, error)
}

// Lease is the lease of this process.
type Lease interface {
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
}

// Options are what a scheduler is made of. Store, Lease and Starter are
// required; the starter writes into the same store.
type Options struct {
	Store   state.Store
	Lease   Lease
	Starter Starter
	Logger  *slog.Logger
	// Now is the clock that the first tick of a schedule is reckoned from, and
	// that says which ticks were missed; nil is time.Now.
	Now func() time.Time
}

// Scheduler starts the runs of schedules. Its methods are safe for concurrent use.
type Scheduler struct {
	store   state.Store
	lease   Lease
	starter Starter
	log     *slog.Logger
	outage  *outage.Log
	now     func() time.Time
	ticks   *prometheus.CounterVec

	wakeup   wakeup.Wakeup // of the loop
	stopping context.Context
	stop     context.CancelFunc
	loop     sync.WaitGroup

	mu        sync.Mutex // guards the field below
	schedules map[string]*scheduled
}

// scheduled is a current schedule.
type scheduled struct {
	Schedule
	next time.Time     // tick, as it was known last
	lag  time.Duration // of the last tick that was handled here
}

// New makes a scheduler without schedules. It does nothing before Run.
func New(o Options) *Scheduler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Scheduler{
		store: o.Store, lease: o.Lease, starter: o.Starter, log: o.Logger, now: o.Now,
		outage: outage.New(o.Logger, outage.Trouble("schedules")), ticks: newTicks(),
		wakeup: wakeup.New(), schedules: map[string]*scheduled{},
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	return s
}

// Run starts ticks as they are due until Stop. It returns at once.
func (s *Scheduler) Run() { s.loop.Go(s.work) }

// Stop starts no further tick and waits for the one that is being started. It
// may be called again.
func (s *Scheduler) Stop() {
	s.stop()
	s.loop.Wait()
}

// Set replaces the schedules. One that is new, or whose
// expression changed, ticks from now on; one that was there already keeps its next
// tick. Those that are not among them are removed.
func (s *Scheduler) Set(ctx context.Context, schedules []Schedule) error {
	current := make(map[string]*scheduled, len(schedules))
	for _, one := range schedules {
		entry := &scheduled{Schedule: one}
		if err := s.register(ctx, entry, true); err != nil {
			return fmt.Errorf("schedule %s: %w", one.Name, err)
		}
		current[one.Name] = entry
	}
	s.mu.Lock()
	for name, known := range s.schedules {
		if kept := current[name]; kept != nil {
			kept.lag = known.lag
		}
	}
	s.keepTicks(s.schedules, current)
	s.schedules = current
	s.mu.Unlock()
	if err := s.removeOthers(ctx, current); err != nil {
		return fmt.Errorf("schedule: remove what the config has no more: %w", err)
	}
	s.wakeup.Wake()
	return nil
}

// work handles the ticks that are due.
func (s *Scheduler) work() {
	restored := time.Now()
	for {
		wait, err := s.tick()
		if err == nil && time.Since(restored) >= restoreInterval {
			restored = time.Now()
			err = s.restore()
		}
		if s.stopping.Err() != nil {
			return
		}
		if s.outage.Note("look at what is due", err); err != nil {
			wait = retryPause
		}
		if !s.wakeup.Sleep(s.stopping.Done(), wait) {
			return
		}
	}
}

// tick starts what is due and returns how long to wait until the next time.
func (s *Scheduler) tick() (wait time.Duration, err error) {
	s.mu.Lock()
	count := len(s.schedules)
	s.mu.Unlock()
	if count == 0 {
		return checkInterval, nil
	}
	// There may be timers of schedules that only other gateways know.
	due, next, err := s.store.Due(s.stopping, layout.QueueSchedule, count+100)
	if err != nil {
		return 0, err
	}
	wait = checkInterval
	if next >= 0 && next < wait {
		wait = next
	}
	for _, timer := range due {
		s.mu.Lock()
		entry := s.schedules[timer.ID]
		s.mu.Unlock()
		if entry == nil {
			continue
		}
		again, err := s.fire(entry)
		if s.stopping.Err() != nil {
			return 0, err
		}
		switch s.outage.Note("start the run of schedule "+entry.Name, err); {
		case err != nil:
			wait = min(wait, retryPause)
		case again:
			wait = 0
		}
	}
	return wait, nil
}

// fire starts the run of a schedule whose timer is due, in the write that sets
// its next tick. It reports whether the schedule may have another tick by now.
func (s *Scheduler) fire(entry *scheduled) (again bool, err error) {
	stored, raw, err := s.read(s.stopping, entry.Name)
	if err != nil || stored == nil || !stored.of(entry.Cron) {
		return false, err // another gateway has a newer config
	}
	// Of the ticks that were missed, the latest stands for all.
	tick, now := stored.Next, s.now()
	if latest := entry.Cron.Latest(tick, now); !latest.IsZero() {
		s.ticks.WithLabelValues(entry.Name, tickMissed).Inc()
		s.log.Warn("ticks of a schedule were missed: the latest is made up for", "schedule", entry.Name, "first", tick, "latest", latest)
		tick = latest
	}
	next := *stored
	next.Next = entry.Cron.Next(tick)
	advance := engine.Advance{
		Queue: layout.QueueSchedule, Key: entry.Name, Next: next.Next,
		Bucket: layout.BucketSchedule, From: raw, To: next.encode(),
	}
	// A record that was removed and made again, or a clock that was set back, may
	// name a tick anew.
	once := engine.Once{Bucket: layout.BucketTick, Key: tickID(entry.Name, tick), TTL: tickLife}

	run, err := s.starter.Start(s.stopping, engine.StartRequest{
		Workflow: entry.Workflow, Roots: map[string]value.Doc{"input": entry.Input},
		Once: once, Advance: advance, StartedBy: engine.Initiator{Schedule: entry.Name},
	})
	switch {
	case err == nil:
		s.ticks.WithLabelValues(entry.Name, tickStarted).Inc()
		s.log.Info("a schedule started a run", "schedule", entry.Name, "tick", tick, "run", run.ID)
	case errors.Is(err, engine.ErrStale):
		return false, nil // another gateway was faster, and set the next tick
	case errors.Is(err, engine.ErrDuplicate): // the tick was handled
		err = s.store.Commit(s.stopping, append([]state.Op{s.lease.Fence()}, advance.Ops()...)...)
	case passedOver(err):
		s.ticks.WithLabelValues(entry.Name, tickPassedOver).Inc()
		s.log.Warn("a schedule's tick is passed over", "schedule", entry.Name, "tick", tick, "reason", err)
		ops := append([]state.Op{s.lease.Fence()}, advance.Ops()...)
		err = s.store.Commit(s.stopping, append(ops, once.Ops()...)...)
	}
	if err == nil {
		s.mu.Lock()
		entry.next, entry.lag = next.Next, max(0, now.Sub(stored.Next))
		s.mu.Unlock()
	}
	return err == nil, err
}

// passedOver reports whether a start was refused for a reason that stays: the
// workflow's limit drops the run, or does not take the input.
func passedOver(err error) bool {
	return errors.Is(err, engine.ErrFull) || errors.Is(err, engine.ErrBadInput) || errors.Is(err, engine.ErrTooLarge) ||
		errors.As(err, new(*sdk.Error))
}
