package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/sdk"
)

// Timing is time and chance for the supervision of plugins; tests hand in their
// own.
type Timing struct {
	// Now answers the present.
	Now func() time.Time
	// After answers a channel that gets a value once d has passed.
	After func(d time.Duration) <-chan time.Time
	// Random answers a number in [0,1).
	Random func() float64
}

const (
	// closeTimeout is how long a plugin may take to end when it is asked to.
	closeTimeout = 3 * time.Second
	// The pause before start n after a failure doubles from the first to the
	// last of these.
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	// The same after a start of which it is certain that it would fail again.
	firstSlowPause = 5 * time.Second
	lastSlowPause  = 5 * time.Minute
	// stableAfter is how long an instance must have lived for its end to count
	// as the first failure again.
	stableAfter = time.Minute
)

// pause is how long to wait after so many failures in a row. A quarter of it is
// chance, so that plugins that died together do not start together.
func pause(failures int, refused bool, random float64) time.Duration {
	first, last := firstPause, lastPause
	if refused {
		first, last = firstSlowPause, lastSlowPause
	}
	full := backoff.Exponential{First: first, Longest: last}.After(failures)
	return full*3/4 + time.Duration(random*float64(full)/4)
}

// supervisor keeps an instance of one plugin running. All of it belongs to the
// goroutine of run; what takes time is done by others, which report to it.
type supervisor struct {
	p      *Plugin
	member Member

	current  *running         // what callers see; nil: nothing
	trial    *trial           // the start that is under way, nil if none is
	retry    <-chan time.Time // when the next start is due, nil if none is
	failures int              // failures in a row
	tried    fileState        // the file of the last start that failed, or that was rejected
	rejected string           // why a replaced file is not in force
	seen     fileState        // the file when it was last looked at
	again    time.Time        // when a replaced file that failed is tried again; zero: when it changes
	probes   chan probe       // what came of asking current for a sign of life
	probing  bool
	probed   time.Time
}

// trial is a start that is under way.
type trial struct {
	cancel context.CancelFunc
	done   chan attempt
	file   fileState
}

// attempt is what came of a start: a running instance, nothing at all where the
// file turned out to be the one that runs, or an error.
type attempt struct {
	running *running
	err     error
}

// adoption is an instance that a changed config has started already.
type adoption struct {
	member  Member
	running *running
}

// run supervises until ctx ends or the plugin is removed, and then ends what
// runs. What it starts with is shown at once, where there is something.
func (s *supervisor) run(ctx context.Context, given *running) {
	ticker := time.NewTicker(s.p.host.checks.Interval)
	defer ticker.Stop()
	if given != nil {
		s.show(ctx, given)
	} else {
		s.try(ctx, nil)
	}
	for {
		var tried <-chan attempt
		if s.trial != nil {
			tried = s.trial.done
		}
		var ended <-chan struct{}
		if s.current != nil {
			ended = s.current.instance.Done()
		}
		select {
		case <-ctx.Done():
			s.stop(ctx, "stopped")
			return
		case <-s.p.removed:
			s.stop(ctx, "removed from the config")
			return
		case adopted := <-s.p.adoptions:
			s.adopt(ctx, adopted)
		case a := <-tried:
			s.conclude(ctx, a)
		case <-ended:
			exit := s.current.instance.Exit()
			s.lose(ctx, &exitError{exit}, "it ended: "+exit.Reason, false)
		case <-s.retry:
			s.try(ctx, nil)
		case probe := <-s.probes:
			s.judge(ctx, probe)
		case <-ticker.C:
			s.lookAround(ctx)
		}
	}
}

// try begins a start, unless one is under way.
func (s *supervisor) try(ctx context.Context, accept func(*sdk.Manifest) error) {
	s.retry = nil
	if s.trial != nil {
		return
	}
	if s.failures > 0 && s.current == nil {
		s.p.meter.restarts.Add(1)
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &trial{cancel: cancel, done: make(chan attempt, 1), file: look(s.member.Spec.Path)}
	s.trial = t
	member, runs := s.member, s.current
	s.p.host.done.Go(func() {
		if runs != nil {
			if same, err := sameContent(runs, member.Spec); same || err != nil {
				t.done <- attempt{nil, err}
				return
			}
		}
		started, err := s.p.start(ctx, member, accept)
		t.done <- attempt{started, err}
	})
}

// giveUp ends the start that is under way, and whatever came of it.
func (s *supervisor) giveUp() {
	if s.trial == nil {
		return
	}
	s.trial.cancel()
	if a := <-s.trial.done; a.running != nil {
		s.p.close(a.running)
	}
	s.trial = nil
}

// conclude takes in what came of a start.
func (s *supervisor) conclude(ctx context.Context, a attempt) {
	s.trial.cancel()
	file := s.trial.file
	s.trial = nil
	switch {
	case a.running != nil:
		s.show(ctx, a.running)
	case s.current == nil && a.err == nil:
		s.try(ctx, nil) // the instance ended while its file was looked at
	case s.current == nil:
		s.tried, s.rejected = file, ""
		s.fail(a.err, a.err.Error())
	case a.err == nil:
		s.confirm(file) // written anew, with the same content
	default:
		s.reject(file, a.err)
	}
}

// show puts an instance in front of the callers. The one before, if there is one,
// finishes its calls.
func (s *supervisor) show(ctx context.Context, r *running) {
	p := s.p
	old := s.current
	s.current = r
	if old == nil && s.rejected != "" && s.member.Spec.SHA256 != "" && r.file.same(s.tried) {
		r.file = fileState{} // a pinned plugin came back from its copy: the file is still another
	} else {
		s.tried, s.again, s.rejected = fileState{}, time.Time{}, ""
	}
	s.probing, s.probes, s.probed = false, make(chan probe, 1), p.host.timing.Now()
	r.begun = p.host.timing.Now()
	now := status{Status: action.Status{State: action.StateReady, Rejected: s.rejected}}
	if r.missing != "" {
		now.State, now.Reason, now.brief = action.StateUnconfigured, r.missing, r.missing
	}
	p.manifest.Store(r.manifest)
	p.current.Store(r)
	p.setStatus(now)
	p.settle.Do(func() { close(p.settled) })
	message := "plugin started"
	if old != nil {
		message = "plugin replaced"
		s.drain(ctx, old)
	}
	p.logger.Info(message, "version", r.manifest.Version, "state", string(now.State))
	spec, file := s.member.Spec, r.file
	p.host.done.Go(func() { p.learnSum(r, spec, file) })
}

// drain ends an instance that has been replaced, once its calls have ended.
func (s *supervisor) drain(ctx context.Context, old *running) {
	old.retire()
	s.p.host.done.Go(func() {
		// No call outlasts its timeout; this is for one that does.
		last := time.NewTimer(old.timeout + closeTimeout)
		defer last.Stop()
		select {
		case <-old.idle:
		case <-old.instance.Done():
		case <-last.C:
		case <-ctx.Done():
		}
		s.p.close(old)
	})
}

// adopt takes over the instance that a changed config has started.
func (s *supervisor) adopt(ctx context.Context, a adoption) {
	s.giveUp()
	s.member, s.failures, s.retry = a.member, 0, nil
	s.show(ctx, a.running)
}

// lose shows the callers that there is no instance any more, ends what is left
// of it, and has another started. Brief is the reason for everybody's eyes.
func (s *supervisor) lose(ctx context.Context, why error, brief string, force bool) {
	p, r := s.p, s.current
	if p.host.timing.Now().Sub(r.begun) >= stableAfter {
		s.failures = 0
	}
	s.current = nil
	if s.rejected == "" {
		s.tried = r.file
	}
	if force {
		r.verdict.Store(&brief)
	}
	// First the reason, then the refusals that tell it.
	p.setStatus(status{Status: action.Status{State: action.StateFailed, Reason: p.redactor.String(why.Error())}, brief: p.redactor.String(brief)})
	p.current.Store(nil)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if force {
		cancel()
	}
	if err := r.instance.Close(closing); err != nil {
		why = errors.Join(why, err)
	}
	if s.trial != nil {
		return // a replacement is about to be ready, or to fail
	}
	s.fail(why, brief)
}

// fail shows the callers why there is no instance, and plans the next start.
func (s *supervisor) fail(err error, brief string) {
	p := s.p
	s.failures++
	delay := pause(s.failures, isRefused(err), p.host.timing.Random())
	again := ""
	if s.failures > 1 {
		again = fmt.Sprintf(" (%d times in a row)", s.failures)
	}
	now := status{
		Status: action.Status{
			State: action.StateFailed, Reason: p.redactor.String(err.Error()) + again,
			RetryAt: p.host.timing.Now().Add(delay).UTC(),
		},
		brief: p.redactor.String(brief) + again,
	}
	p.setStatus(now)
	p.settle.Do(func() { close(p.settled) })
	p.logger.Error("plugin failed", "reason", now.Reason, "failures", s.failures, "nextStart", delay.String())
	s.retry = p.host.timing.After(delay)
}

// stop ends everything: gently where the plugin was removed, whose calls finish.
func (s *supervisor) stop(ctx context.Context, reason string) {
	p, r := s.p, s.current
	s.current = nil
	p.setStatus(status{Status: action.Status{State: action.StateFailed, Reason: reason}, brief: reason})
	p.current.Store(nil)
	s.giveUp()
	if r != nil {
		s.drain(ctx, r)
	}
	p.settle.Do(func() { close(p.settled) })
}

// close ends an instance for good, for which it has a few seconds whatever else
// ends.
func (p *Plugin) close(r *running) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.instance.Close(ctx); err != nil {
		p.logger.Warn("the plugin did not end as it should", "error", p.redactor.String(err.Error()))
	}
}
