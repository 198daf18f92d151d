package destination

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

const (
	// defaultCheckInterval is the CheckInterval of options that give none.
	defaultCheckInterval = 2 * time.Second
	// page is how many entries are read at once.
	page = 200
)

// Run begins to do what follows from what happens to destinations, until Stop.
func (s *Service) Run() { s.loops.Go(s.work) }

// Stop ends what Run began, and waits for it.
func (s *Service) Stop() {
	s.stop()
	s.loops.Wait()
	s.current.Load().closeIdle()
}

func (s *Service) work() {
	var swept time.Time
	for s.wakeup.Sleep(s.stopped.Done(), s.interval) {
		err := s.followAll(s.stopped)
		if now := time.Now(); now.Sub(swept) >= sweepInterval {
			swept = now
			for _, name := range s.Names() {
				err = errors.Join(err, s.sweep(s.stopped, name))
			}
		}
		if s.stopped.Err() != nil {
			return
		}
		s.outage.Note("follow destinations", passing(err))
		if err != nil && passing(err) == nil {
			s.log.Error("what follows for a destination cannot be done; trying again", "error", err)
		}
	}
}

// followAll does what the states of the destinations ask for.
func (s *Service) followAll(ctx context.Context) error {
	names := s.Names()
	refs := make([]state.Ref, len(names))
	for i, name := range names {
		refs[i] = state.Ref{Bucket: layout.BucketDestination, ID: name}
	}
	if len(refs) == 0 {
		return nil
	}
	found, err := s.store.Get(ctx, refs...)
	if err != nil {
		return err
	}
	var failed error // of destinations whose failure says nothing of the others
	for i, name := range names {
		k, err := readCondition(name, found[i])
		if err == nil {
			s.metrics.state(name, k.State)
			err = s.follow(ctx, name, k)
		}
		if passing(err) != nil {
			return err
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// passing returns an error of the store that passes by itself; nil for others.
func passing(err error) error {
	if errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrClosed) {
		return err
	}
	return nil
}

// follow does what the state of a destination asks for: what waits for another attempt
// at one that was disabled becomes held; what was held goes to its runs when it was
// enabled. One process does it at a time.
func (s *Service) follow(ctx context.Context, name string, k known) error {
	switch {
	case k.State == StateProbing:
		return s.checkProbe(ctx, name, k)
	case k.State == StateReleasing, k.State == StateDisabled && !k.Settled:
	default:
		return nil
	}
	if k.Lease != s.lease.ID() {
		if k.Lease != "" {
			if alive, err := s.lease.Alive(ctx, k.Lease); err != nil || alive {
				return err
			}
		}
		next := k.condition
		next.Lease = s.lease.ID()
		if again, err := s.commit(ctx, k.replace(name, next)...); again {
			s.wakeup.Wake()
			return nil
		} else if err != nil {
			return err
		}
	}
	if k.State == StateReleasing {
		return s.releaseAll(ctx, name)
	}
	return s.settle(ctx, name)
}

// checkProbe sees to it that a destination does not stay between its states: the run of
// its probe may have ended without that being noted, or have been cancelled.
func (s *Service) checkProbe(ctx context.Context, name string, k known) error {
	run, err := s.runs.Get(ctx, k.ProbeRun)
	if err != nil && !errors.Is(err, engine.ErrNotFound) || err == nil && !run.Status.Ended() {
		return err
	}
	return s.change(ctx, name, func(now known) (condition, []state.Op, bool) {
		next := now.condition
		next.Probe, next.ProbeRun = "", ""
		if run.Status == workflow.RunSucceeded {
			next = condition{State: StateReleasing, Since: s.now().UTC()}
		} else {
			next.State, next.Code, next.Reason = StateDisabled, CodeProbe, "the message that probed it was not sent to its end"
		}
		return next, nil, now.State == StateProbing && now.ProbeRun == k.ProbeRun
	})
}

// settle calls the runs that wait for their next attempt at a destination that was
// disabled: they find it so, and their messages are held.
func (s *Service) settle(ctx context.Context, name string) error {
	k, err := s.condition(ctx, name)
	if err != nil || k.State != StateDisabled || k.Settled {
		return err
	}
	for cursor := ""; ; {
		list, err := s.runs.List(ctx, engine.ListRequest{Workflow: WorkflowID(name), Statuses: []workflow.RunStatus{workflow.RunWaiting}, Limit: page, Cursor: cursor})
		if err != nil {
			return err
		}
		for _, run := range list.Runs {
			_, err := s.runs.Retry(ctx, engine.RetryRequest{ID: run.ID, Now: true})
			if err != nil && passing(err) != nil {
				return err
			}
		}
		if cursor = list.NextCursor; cursor == "" {
			break
		}
	}
	return s.change(ctx, name, func(now known) (condition, []state.Op, bool) {
		next := now.condition
		next.Settled, next.Lease = true, ""
		return next, nil, now.State == StateDisabled && now.Since.Equal(k.Since) && !now.Settled
	})
}

// releaseAll hands what is held of a destination that works again to its runs, the
// oldest first, as fast as the engine takes them: the lane of the destination bounds
// how fast they are sent. Then the destination is enabled.
func (s *Service) releaseAll(ctx context.Context, name string) error {
	for ctx.Err() == nil {
		k, err := s.condition(ctx, name)
		if err != nil || k.State != StateReleasing || k.Lease != s.lease.ID() {
			return err
		}
		held, err := s.store.Range(ctx, state.Range{Set: heldOf(name), Limit: page})
		if err != nil {
			return err
		}
		if len(held) == 0 {
			// A message that is held at this moment changes the record: then this fails.
			again, err := s.commit(ctx, k.replace(name, condition{State: StateEnabled})...)
			if again {
				continue
			}
			if err == nil {
				s.log.Info("a destination is enabled, and all messages that were held are on their way", "destination", name)
			}
			return err
		}
		for _, member := range held {
			if again, err := s.releaseOne(ctx, k, name, member); err != nil {
				return err
			} else if again {
				break
			}
		}
	}
	return nil
}

// releaseOne hands one held message to a new run. Again says that something has
// changed: what is known is to be read again.
func (s *Service) releaseOne(ctx context.Context, k known, name, member string) (again bool, err error) {
	t, err := s.read(ctx, name, idOf(member))
	if err != nil {
		return false, err
	}
	if t == nil || !t.record.Held {
		return s.dropHeld(ctx, name, member, t)
	}
	err = s.release(ctx, t, engine.NewRunID(), engine.Initiator{}, engine.Once{}, k.unchanged(name)...)
	switch {
	case errors.Is(err, engine.ErrStale):
		return true, nil
	case errors.Is(err, engine.ErrOverloaded):
		return true, backoff.Sleep(ctx, time.Second)
	}
	return false, err
}

// dropHeld removes an entry of the held messages whose message is not held.
func (s *Service) dropHeld(ctx context.Context, name, member string, t *task) (again bool, err error) {
	ops := []state.Op{state.Remove(heldOf(name), member)}
	if t != nil {
		ops = append(ops, state.RequireValue(layout.BucketDelivery, t.id(), t.data))
	}
	if again, err = s.commit(ctx, ops...); again {
		err = nil
	}
	return true, err
}
