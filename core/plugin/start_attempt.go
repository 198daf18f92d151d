package plugin

import (
	"context"
	"errors"

	"github.com/backflow/backflow/sdk"
)

// beginStart begins a start, unless one is in progress.
func (s *supervisor) beginStart(ctx context.Context, accept func(*sdk.Manifest) error) {
	s.retry = nil
	if s.starting != nil {
		return
	}
	if s.failures > 0 && s.current == nil {
		s.p.counters.restarts.Add(1)
	}
	ctx, cancel := context.WithCancel(ctx)
	attempt := &startAttempt{cancel: cancel, done: make(chan startResult, 1), file: s.files()}
	s.starting = attempt
	member, current := s.member, s.current
	s.p.env.background.Go(func() {
		// Where a folder has changed, the same file is started anew.
		if current != nil && attempt.file.folders == current.file.folders {
			if same, err := sameContent(current, member.Spec); same || err != nil {
				attempt.done <- startResult{nil, err}
				return
			}
		}
		started, file, err := s.p.start(ctx, member, accept)
		attempt.file = file
		attempt.done <- startResult{started, err}
	})
}

// cancelStart ends the start in progress, and its instance if it already has one.
func (s *supervisor) cancelStart() {
	if s.starting == nil {
		return
	}
	s.starting.cancel()
	if result := <-s.starting.done; result.running != nil {
		s.p.close(result.running)
	}
	s.starting = nil
}

// finishStart handles the result of a start.
func (s *supervisor) finishStart(ctx context.Context, result startResult) {
	s.starting.cancel()
	file := s.starting.file
	s.starting = nil
	switch {
	case result.running != nil:
		s.activate(ctx, result.running)
	case errors.Is(result.err, errRefused):
		s.p.isStarted() // none is started again
	case s.current == nil && result.err == nil:
		s.beginStart(ctx, nil) // the instance ended while its file was compared
	case s.current == nil:
		s.failedFile, s.rejected = file, ""
		s.scheduleRetry(result.err, result.err.Error())
	case result.err == nil:
		s.confirmFile(file) // written again, with the same content
	default:
		s.rejectFile(file, result.err)
	}
}

// takeHandover activates the instance that a changed config has started.
func (s *supervisor) takeHandover(ctx context.Context, h handover) {
	s.cancelStart()
	s.member, s.failures, s.retry, s.foldersOf = h.member, 0, nil, nil
	s.p.sandbox.Store(h.member.Config.Sandbox)
	s.activate(ctx, h.running)
}
