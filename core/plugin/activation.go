package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/action"
)

// stableAfter is how long an instance must have lived for its end to count as the
// first failure again.
const stableAfter = time.Minute

// activate lets callers use an instance from now on. The one before, if there is
// one, finishes its calls.
func (s *supervisor) activate(ctx context.Context, r *running) {
	p := s.p
	old := s.current
	s.current = r
	if old == nil && s.rejected != "" && s.member.Spec.SHA256 != "" && r.file.equal(s.failedFile) {
		r.file = fileState{} // a pinned plugin came back from its copy: the file is still another
	} else {
		s.failedFile, s.retryFileAt, s.rejected = fileState{}, time.Time{}, ""
	}
	s.probing, s.probeResults, s.lastProbe = false, make(chan probeResult, 1), p.env.timing.Now()
	s.asking, s.healthResults, s.unwell = false, make(chan healthResult, 1), ""
	r.activeSince = p.env.timing.Now()
	now := status{Status: action.Status{State: action.StateReady, Rejected: s.rejected}}
	if r.missingCredentials != "" {
		now.State, now.Reason, now.summary = action.StateUnconfigured, r.missingCredentials, r.missingCredentials
	}
	p.manifest.Store(r.manifest)
	p.current.Store(r)
	p.setStatus(now)
	p.isStarted()
	message := "plugin started"
	if old != nil {
		message = "plugin replaced"
		s.drain(ctx, old)
	}
	p.logger.Info(message, "version", r.manifest.Version, "state", string(now.State))
	spec, file := s.member.Spec, r.file
	p.env.background.Go(func() { p.learnChecksum(r, spec, file) })
}

// drain ends an instance that has been replaced, once its calls have ended.
func (s *supervisor) drain(ctx context.Context, old *running) {
	old.retire()
	s.p.env.background.Go(func() {
		// A call should end by its own timeout. This is for one that does not.
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

// deactivate shows callers that there is no instance any more, ends what is left
// of it, and has another started. summary is the reason as callers see it. With
// force the instance is killed.
func (s *supervisor) deactivate(ctx context.Context, why error, summary string, force bool) {
	p, r := s.p, s.current
	if p.env.timing.Now().Sub(r.activeSince) >= stableAfter {
		s.failures = 0
	}
	s.current = nil
	if s.rejected == "" {
		s.failedFile = r.file
	}
	if force {
		r.killReason.Store(&summary)
	}
	// The status comes first: a call that finds no instance reads its reason there.
	p.setStatus(status{Status: action.Status{State: action.StateFailed, Reason: p.redactor.String(why.Error())}, summary: p.redactor.String(summary)})
	p.current.Store(nil)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if force {
		cancel()
	}
	if err := r.instance.Close(closing); err != nil {
		why = errors.Join(why, err)
	}
	if s.starting != nil {
		return // a replacement is about to be ready, or to fail
	}
	s.scheduleRetry(why, summary)
}

// kill ends the current instance by force.
func (s *supervisor) kill(ctx context.Context, reason string) {
	s.p.counters.kills.Add(1)
	s.deactivate(ctx, errors.New(reason), reason, true)
}

// scheduleRetry shows callers why there is no instance, and plans the next start.
func (s *supervisor) scheduleRetry(err error, summary string) {
	p := s.p
	s.failures++
	delay := retryDelay(s.failures, isPermanent(err), p.env.timing.Random())
	again := ""
	if s.failures > 1 {
		again = fmt.Sprintf(" (%d times in a row)", s.failures)
	}
	now := status{
		Status: action.Status{
			State: action.StateFailed, Reason: p.redactor.String(err.Error()) + again,
			RetryAt: p.env.timing.Now().Add(delay).UTC(),
		},
		summary: p.redactor.String(summary) + again,
	}
	p.setStatus(now)
	p.isStarted()
	p.env.down(p.name, now.summary)
	p.logger.Error("plugin failed", "reason", now.Reason, "failures", s.failures, "nextStartMs", delay.Milliseconds())
	s.retry = p.env.timing.After(delay)
}
