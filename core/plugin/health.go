package plugin

import (
	"context"

	"github.com/backflow/backflow/core/action"
)

// askHealth asks the current instance how it is. The answer may take as long as a sign
// of life; the next question waits for it.
func (s *supervisor) askHealth(ctx context.Context) {
	reporter, ok := s.current.instance.(HealthReporter)
	if !ok || s.asking || s.current.missingCredentials != "" {
		return
	}
	s.asking = true
	p, asked, results := s.p, s.current, s.healthResults
	p.env.background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, p.env.checks.ProbeTimeout)
		defer cancel()
		reason := ""
		if err := reporter.Health(ctx); err != nil {
			reason = sanitize(err, p.redactor.Sparing()).Message
		}
		results <- healthResult{asked, reason}
	})
}

// handleHealth shows what an instance says of itself. It goes on to take calls: it
// knows best when they can succeed again.
func (s *supervisor) handleHealth(result healthResult) {
	if result.of != s.current || s.current == nil {
		return
	}
	s.asking = false
	if result.reason == s.unwell {
		return
	}
	was := s.unwell
	s.unwell = result.reason
	now := status{Status: action.Status{State: action.StateReady, Rejected: s.rejected}}
	if s.unwell != "" {
		now.State, now.Reason, now.summary = action.StateFailed, s.unwell, s.unwell
	}
	s.p.setStatus(now)
	switch {
	case s.unwell == "":
		s.p.logger.Info("plugin is well again")
	case was == "":
		s.p.env.down(s.p.name, s.unwell)
		s.p.logger.Error("plugin says that its calls cannot succeed", "reason", s.unwell)
	}
}
