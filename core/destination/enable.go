package destination

import (
	"context"
	"errors"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
)

// Disable has the messages of a destination be held from then on. What is to be done
// once is recorded in the same write.
func (s *Service) Disable(ctx context.Context, name, by, reason string, once engine.Once) error {
	if _, err := s.find(name); err != nil {
		return err
	}
	if reason == "" {
		reason = "disabled by " + by
	}
	err := s.change(ctx, name, func(k known) (condition, []state.Op, bool) {
		return condition{State: StateDisabled, Code: CodeByHand, Reason: reason, Since: s.now().UTC()}, once.Ops(), k.State != StateDisabled
	})
	s.wakeup.Wake()
	return s.duplicate(ctx, once, err)
}

// duplicate returns the error of a write, *engine.DuplicateError where it was done
// before.
func (s *Service) duplicate(ctx context.Context, once engine.Once, err error) error {
	if duplicate := once.Duplicate(ctx, s.store, err); duplicate != nil {
		return duplicate
	}
	return err
}

// Enable has the messages of a destination be sent again: the oldest held one first and
// alone, to see whether the destination works; once it was taken, the others in their
// order. If it is not taken, the destination stays disabled. Where nothing is held, it
// is enabled at once. What is to be done once is recorded in the same write.
func (s *Service) Enable(ctx context.Context, name, by string, once engine.Once) error {
	if _, err := s.find(name); err != nil {
		return err
	}
	for range maxTries {
		again, err := s.tryEnable(ctx, name, by, once)
		if !again {
			s.wakeup.Wake()
			return s.duplicate(ctx, once, err)
		}
	}
	return errBusy
}

// tryEnable is Enable. Again says that others changed something at the same time.
func (s *Service) tryEnable(ctx context.Context, name, by string, once engine.Once) (again bool, err error) {
	k, err := s.condition(ctx, name)
	if err != nil {
		return false, err
	}
	switch k.State {
	case StateEnabled, StateReleasing:
		return false, nil
	case StateProbing:
		run, err := s.runs.Get(ctx, k.ProbeRun)
		if err == nil && !run.Status.Ended() {
			return false, nil
		}
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return false, err
		}
	}
	held, err := s.store.Range(ctx, state.Range{Set: heldOf(name), Limit: 1})
	if err != nil {
		return false, err
	}
	if len(held) == 0 {
		next := condition{State: StateReleasing, Since: s.now().UTC()}
		again, err := s.commit(ctx, append(k.replace(name, next), once.Ops()...)...)
		return again && once.Duplicate(ctx, s.store, err) == nil, err
	}
	t, err := s.read(ctx, name, idOf(held[0]))
	if err != nil {
		return false, err
	}
	if t == nil || !t.record.Held {
		return s.dropHeld(ctx, name, held[0], t)
	}
	next, run := k.condition, engine.NewRunID()
	next.State, next.Probe, next.ProbeRun, next.Lease = StateProbing, t.record.ID, run, ""
	err = s.release(ctx, t, run, engine.Initiator{Token: by}, once, k.replace(name, next)...)
	return errors.Is(err, engine.ErrStale), err
}
