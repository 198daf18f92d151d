package plugin

import (
	"context"
	"time"

	"github.com/backflow/backflow/core/action"
)

// run supervises until ctx ends or the plugin is removed, and then ends what runs.
// If started is not nil, it is activated at once.
func (s *supervisor) run(ctx context.Context, started *running) {
	ticker := time.NewTicker(s.p.env.checks.Interval)
	defer ticker.Stop()
	if started != nil {
		s.activate(ctx, started)
	} else {
		s.beginStart(ctx, nil)
	}
	for {
		var startDone <-chan startResult
		if s.starting != nil {
			startDone = s.starting.done
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
		case handover := <-s.p.handovers:
			s.takeHandover(ctx, handover)
		case result := <-startDone:
			s.finishStart(ctx, result)
		case <-ended:
			exit := s.current.instance.Exit()
			s.deactivate(ctx, &exitError{exit}, "it ended: "+exit.Reason, false)
		case <-s.retry:
			s.beginStart(ctx, nil)
		case result := <-s.probeResults:
			s.handleProbe(ctx, result)
		case result := <-s.healthResults:
			s.handleHealth(result)
		case <-ticker.C:
			s.check(ctx)
		}
	}
}

// stop ends everything. Calls finish, unless ctx has ended.
func (s *supervisor) stop(ctx context.Context, reason string) {
	p, r := s.p, s.current
	s.current = nil
	p.setStatus(status{Status: action.Status{State: action.StateFailed, Reason: reason}, summary: reason})
	p.current.Store(nil)
	s.cancelStart()
	if r != nil {
		s.drain(ctx, r)
	}
	p.isStarted()
}
