package destination

import (
	"context"
	"errors"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// MaxReplay is the most messages that are selected for a replay at once.
const MaxReplay = 10_000

// Message returns a message. The error is *sdk.Error with CodeNotFound where there is
// none, or it is not kept any more.
func (s *Service) Message(ctx context.Context, name, id string) (Message, error) {
	if _, err := s.find(name); err != nil {
		return Message{}, err
	}
	r, err := s.record(ctx, name, id)
	if err != nil {
		return Message{}, err
	}
	if r.delivery == nil {
		return Message{}, noMessage(name, id)
	}
	m, err := s.message(ctx, r.delivery)
	if errors.Is(err, engine.ErrNotFound) {
		return Message{}, noMessage(name, id)
	}
	return m, err
}

func noMessage(name, id string) *sdk.Error {
	return sdk.Refuse(sdk.CodeNotFound, "the destination %s has no message %s, or it is not kept any more", name, id)
}

// Replay sends a message again: the same id and the same bytes. One that has failed
// goes on with its schedule from the beginning, one that waits for its next attempt
// makes it now, and one that was delivered gets another run. What is to be done once is
// recorded in the same write. The error is *sdk.Error with CodeConflict for one that is
// held, or being sent.
func (s *Service) Replay(ctx context.Context, name, id, by string, once engine.Once) error {
	if _, err := s.find(name); err != nil {
		return err
	}
	for range maxTries {
		t, err := s.read(ctx, name, id)
		switch {
		case err != nil:
			return err
		case t == nil:
			return noMessage(name, id)
		case t.record.Held:
			return sdk.Refuse(sdk.CodeConflict, "the message is held: it is sent when the destination is enabled")
		}
		run, err := s.runs.Get(ctx, t.record.Run)
		initiator := engine.Initiator{Token: by}
		switch {
		case errors.Is(err, engine.ErrNotFound):
			return noMessage(name, id)
		case err != nil:
			return err
		case run.Status == workflow.RunFailed:
			_, err = s.runs.Retry(ctx, engine.RetryRequest{ID: run.ID, By: initiator, Once: once})
		case run.Status.Ended():
			err = s.release(ctx, t, engine.NewRunID(), initiator, once)
		default:
			_, err = s.runs.Retry(ctx, engine.RetryRequest{ID: run.ID, Now: true, By: initiator, Once: once})
		}
		if !errors.Is(err, engine.ErrStale) {
			return err
		}
	}
	return errBusy
}

// Failed returns the runs of the messages that a filter selects and that have failed,
// MaxReplay of the newest at most; more says that there are others.
func (s *Service) Failed(ctx context.Context, name string, filter MessageFilter) (runs []string, more bool, err error) {
	filter.Statuses = []Status{StatusFailed}
	for cursor := ""; ; {
		messages, next, err := s.Messages(ctx, name, MessageRequest{Filter: filter, Limit: MaxMessagesPage, Cursor: cursor})
		if err != nil {
			return nil, false, err
		}
		for _, m := range messages {
			if len(runs) == MaxReplay {
				return runs, true, nil
			}
			runs = append(runs, m.Run)
		}
		if cursor = next; cursor == "" {
			return runs, false, nil
		}
	}
}
