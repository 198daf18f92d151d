package event

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// Bounds of what redeliveries resume.
const (
	// ResumeInterval is the least time between two redeliveries of an event that resume
	// its run.
	ResumeInterval = 10 * time.Second
	// MaxResumes is how often redeliveries resume the run of an event.
	MaxResumes = 10
)

// maxPrevious is how many runs that were replaced an event names, the latest.
const maxPrevious = 20

// ReplayRequest asks that an event is run again.
type ReplayRequest struct {
	Ref
	// FromStart has everything done again, and not only what has not succeeded.
	FromStart bool
	// By is what asks for it.
	By engine.Initiator
	// RequestID joins logs.
	RequestID string
	// Once has it done at most once; the zero value is no restriction.
	Once engine.Once
}

// Replay has what was not done of an event be done by the present definition, and returns
// the event with the run that does it: see engine.Engine.Replay. An event that was
// filtered is run, whatever the filter is now. Errors, beside those: ErrNotFound;
// *sdk.Error with CodeConflict where several webhooks have one of the id, or the payload is
// not kept any more.
func (s *Events) Replay(ctx context.Context, req ReplayRequest) (View, error) {
	e, err := s.find(ctx, req.Ref)
	if err != nil {
		return View{}, err
	}
	swap := e.swap(func(*Event) {})
	if e.RunID == "" {
		return s.runFiltered(ctx, e, req, swap)
	}
	run, err := s.runs.Replay(ctx, engine.ReplayRequest{
		ID: e.RunID, FromStart: req.FromStart, By: req.By, RequestID: req.RequestID, Once: req.Once, Swap: swap,
	})
	if errors.Is(err, engine.ErrNotFound) {
		return View{}, notKept()
	}
	if err != nil {
		return View{}, err
	}
	e.become(run.ID)
	return view(e.Event, &run, nil), nil
}

// runFiltered starts the run that an event does not have.
func (s *Events) runFiltered(ctx context.Context, e stored, req ReplayRequest, swap engine.Swap) (View, error) {
	roots, err := s.rootsOf(ctx, &e.Event)
	if err != nil {
		return View{}, err
	}
	if roots == nil {
		return View{}, notKept()
	}
	run, err := s.runs.Start(ctx, engine.StartRequest{
		Workflow: WorkflowID(e.Webhook), Roots: roots, RequestID: req.RequestID,
		StartedBy: engine.Initiator{Webhook: e.Webhook, Event: e.ID}, RetriedBy: req.By, Once: req.Once, Swap: swap,
	})
	if errors.Is(err, engine.ErrUnknownWorkflow) {
		err = sdk.Refuse(sdk.CodeConflict, "the config has no webhook %s any more", e.Webhook)
	}
	if err != nil {
		return View{}, err
	}
	e.become(run.ID)
	return view(e.Event, &run, nil), nil
}

func notKept() error {
	return sdk.Refuse(sdk.CodeConflict, "the run of the event is not kept any more, and with it the payload: have the sender send it again under another id")
}

// Redelivered resumes the run of an event that was delivered again, if it failed; record
// is that of the event. It reports whether it did: at most once in ResumeInterval and
// MaxResumes times an event, whichever replica the redelivery comes to. It does not where
// the run is under way, has succeeded, was cancelled, or did what must not or cannot be
// gone on with by itself. The errors are passing ones: the sender is to try again.
func (s *Events) Redelivered(ctx context.Context, record []byte) (resumed bool, err error) {
	e, err := Decode(record)
	if err != nil {
		return false, err
	}
	now := s.now().UTC()
	if e.RunID == "" || e.Resumed >= MaxResumes || !e.ResumedAt.IsZero() && now.Sub(e.ResumedAt) < ResumeInterval {
		return false, nil
	}
	runs, err := s.runs.Lookup(ctx, []string{e.RunID})
	if err != nil {
		return false, err
	}
	if run, kept := runs[e.RunID]; !kept || run.Status != workflow.RunFailed {
		return false, nil
	}
	_, err = s.runs.Replay(ctx, engine.ReplayRequest{
		ID: e.RunID, By: engine.Initiator{Webhook: e.Webhook, Event: e.ID},
		Swap: stored{e, record}.swap(func(e *Event) { e.Resumed, e.ResumedAt = e.Resumed+1, now.Truncate(time.Millisecond) }),
	})
	refused, isRefused := errors.AsType[*sdk.Error](err)
	switch {
	case err == nil:
		return true, nil
	case isRefused && refused.Code != sdk.CodeUnavailable,
		errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrTooLarge), errors.Is(err, engine.ErrBadInput):
		return false, nil
	default:
		return false, err
	}
}

// swap returns the change of the event's record when a run does what it has not.
func (e stored) swap(change func(*Event)) engine.Swap {
	return engine.Swap{
		Bucket: layout.BucketEvent, Key: recordID(e.Webhook, e.ID), From: e.data,
		To: func(runID string) []byte {
			next := e.Event
			next.become(runID)
			change(&next)
			return next.encode()
		},
	}
}

// become makes a run the latest of the event.
func (e *Event) become(runID string) {
	if e.RunID != "" && e.RunID != runID {
		e.Previous = append(slices.Clone(e.Previous), e.RunID)
		e.Previous = e.Previous[max(0, len(e.Previous)-maxPrevious):]
	}
	e.RunID = runID
}
