package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// take takes in the missing events of a window, the oldest first, at the rate of the
// webhook.
func (w *worker) take(ctx context.Context, found *listed) error {
	for _, e := range found.sorted() {
		if w.pass.DryRun {
			w.note(e, "", "")
			continue
		}
		if w.refused[e.ID] && w.pass.ofItself() {
			continue
		}
		if err := w.pace(ctx); err != nil {
			return err
		}
		if err := w.takeOne(ctx, e); err != nil {
			return err
		}
		if w.now().Sub(w.flushed) >= flushInterval {
			if err := w.retry(ctx, func() error { return w.save(ctx, nothingMore) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// pace waits until the next event may be taken in.
func (w *worker) pace(ctx context.Context) error {
	now := time.Now()
	if wait := w.next.Sub(now); wait > 0 {
		if err := backoff.Sleep(ctx, wait); err != nil {
			return err
		}
		now = w.next
	}
	w.next = now.Add(w.Pace)
	return nil
}

// takeOne takes in an event. One that has arrived meanwhile was not missing.
func (w *worker) takeOne(ctx context.Context, e sdk.ListedEvent) error {
	arrival := webhook.Arrival{
		Event:   event.Event{ID: e.ID, Type: e.Type, Size: len(e.Payload), Livemode: e.Livemode, Flags: e.Flags, Source: event.SourceReconciled},
		Payload: e.Payload,
	}
	for {
		receipt, err := w.Intake.Take(ctx, arrival)
		var refusal *webhook.Refusal
		switch {
		case err == nil && receipt.Duplicate:
			return nil
		case err == nil:
			w.note(e, ResultTaken, "")
			return nil
		case errors.As(err, &refusal):
			w.note(e, ResultRefused, refusal.Reason)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, webhook.ErrUnavailable):
			return err
		}
		// The store is down, or more runs wait than may: whether the event was stored is
		// seen by the next try.
		w.outage.Note("take in an event", err)
		if err := backoff.Sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

// note counts and names a missing event.
func (w *worker) note(e sdk.ListedEvent, result, reason string) {
	c := &w.pass.Counts
	c.Missing++
	switch result {
	case ResultTaken:
		w.outage.Note("take in an event", nil)
		c.Taken++
		w.log.Debug("an event of a webhook that had not arrived was taken in", "webhook", w.Name, "event", e.ID, "type", e.Type, "createdAt", e.CreatedAt)
	case ResultRefused:
		c.Refused++
		if w.refused[e.ID] = true; len(w.refused) > maxRefused {
			clear(w.refused)
		}
		w.log.Warn("an event of a webhook that has not arrived cannot be kept", "webhook", w.Name,
			"event", excerpt.Bytes(e.ID, webhook.MaxIDLen), "type", excerpt.Bytes(e.Type, webhook.MaxIDLen), "createdAt", e.CreatedAt, "reason", reason)
	}
	if !w.pass.DryRun {
		w.metrics.missing(w.Name, result)
	}
	w.pass.Events = name(w.pass.Events, Found{ID: e.ID, Type: e.Type, At: e.CreatedAt.UTC(), Result: result, Reason: reason})
}
