package destination

import (
	"context"
	"errors"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
)

// reasonOrder is why a message is held again that was to be the probe.
const reasonOrder = "a message that is older is sent first"

// keepOrder has the oldest held message be the probe of a destination with an order, if
// the one that is to be is not. A destination may be enabled while runs still find out
// that it was disabled: what is held by then need not be the oldest. Waits says that
// the message is held again. Again says that something has changed: what is known is to
// be read again.
func (s *Service) keepOrder(ctx context.Context, t *task) (waits, again bool, err error) {
	if d := s.current.Load().byName[t.destination]; !t.probes() || d == nil || d.order == nil {
		return false, false, nil
	}
	held, err := s.store.Range(ctx, state.Range{Set: heldOf(t.destination), Limit: 1})
	if err != nil || len(held) == 0 || held[0] >= t.record.member() {
		return false, false, err
	}
	return s.probeOlder(ctx, t, held[0])
}

// probeOlder has an older message be the probe in place of another, which is held again.
func (s *Service) probeOlder(ctx context.Context, t *task, member string) (waits, again bool, err error) {
	older, err := s.read(ctx, t.destination, idOf(member))
	if err != nil {
		return false, false, err
	}
	if older == nil || !older.record.Held {
		again, err = s.dropHeld(ctx, t.destination, member, older)
		return false, again, err
	}
	next, run := t.known.condition, engine.NewRunID()
	next.Probe, next.ProbeRun = older.record.ID, run
	err = s.release(ctx, older, run, engine.Initiator{}, engine.Once{}, append(t.known.replace(t.destination, next), t.holdOps(reasonOrder)...)...)
	if errors.Is(err, engine.ErrStale) {
		return false, true, nil
	}
	if err != nil {
		return false, false, err
	}
	s.metrics.messages.WithLabelValues(t.destination, outcomeHeld).Inc()
	return true, false, nil
}
