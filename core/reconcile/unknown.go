package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk"
)

// FlagUnknown is the flag of an event that was received, genuine by its signature, and
// that the vendor's complete list does not name.
const FlagUnknown = "unknown_to_vendor"

const (
	// settle is how old a received event is at least before the list is asked whether it
	// knows it: a vendor may list an event a little later than it sends it.
	settle = 10 * time.Second
	// maxSuspects is how many events the list is asked for at once.
	maxSuspects = 1000
	// maxSearchPages bounds how many pages are read to find events that are older than
	// what a pass compares, such as those that a person has sent again.
	maxSearchPages = 1000
	// provenAfter is from which age on an event is called unknown only where the list is
	// seen to reach back so far: vendors list what is young for certain.
	provenAfter = time.Hour
	// maxUnproven is how many events are called unknown at most by a list that has never
	// named any event that was received: it may be that of another account.
	maxUnproven = 5
)

// suspect is a received event that the list has not named so far.
type suspect struct {
	event.Event
	named bool
}

// judge compares the events that were received in the time of a window with what the
// list has named.
func (w *worker) judge(ctx context.Context, found *listed) error {
	w.recent.add(found.ids)
	if w.Partial || w.pass.Error != nil { // what could not be read may name any event
		return nil
	}
	from, until := w.judged, w.pass.Through.Add(-w.Grace)
	if !w.pass.ofItself() {
		from, until = w.pass.Judged, w.pass.Through
	}
	// What is older than what a pass looks at was received long ago.
	from = later(from, w.now().Add(-w.Lookback))
	for from.Before(until) {
		suspects, next, err := w.suspects(ctx, from, until)
		if err != nil {
			return err
		}
		if len(suspects) > 0 {
			if err := w.question(ctx, suspects); err != nil {
				return err
			}
		}
		if from = next; w.pass.ofItself() {
			w.judged = from
		} else {
			w.pass.Judged = from
		}
		if err := w.retry(ctx, func() error { return w.save(ctx, nothingMore) }); err != nil {
			return err
		}
	}
	return nil
}

// suspects returns events that were received in a span of time and that the list has not
// named, a bounded number, and up to where it has looked.
func (w *worker) suspects(ctx context.Context, from, until time.Time) (suspects map[string]*suspect, next time.Time, err error) {
	suspects = map[string]*suspect{}
	err = w.retry(ctx, func() error {
		clear(suspects)
		for cursor := ""; ; {
			arrivals, more, err := w.events.Arrivals(ctx, w.Name, from, until, cursor, pageSize)
			if err != nil {
				return err
			}
			var ids []string
			for _, a := range arrivals {
				if !w.recent.has(a.ID) {
					ids = append(ids, a.ID)
				}
			}
			stored, err := w.events.Find(ctx, w.Name, ids)
			if err != nil {
				return err
			}
			for _, e := range stored {
				if e != nil && w.suspicious(e) {
					suspects[e.ID] = &suspect{Event: *e}
				}
			}
			if next = until; more == "" {
				return nil
			}
			cursor = more
			if next = arrivals[len(arrivals)-1].At; len(suspects) >= maxSuspects && next.After(from) {
				return nil // those of the last millisecond are looked at again
			}
		}
	})
	return suspects, next, err
}

// suspicious reports whether an event that the list has not named may be called unknown:
// one of another mode is in another list.
func (w *worker) suspicious(e *event.Event) bool {
	if e.Filtered && len(w.Types) > 0 {
		return false // the list was not asked for it
	}
	return e.Source == "" && !slices.Contains(e.Flags, sdk.FlagLivemode) && !slices.Contains(e.Flags, FlagUnknown)
}

// question searches the list for events, around the time of their arrival first, then
// further and further back: they may have come late, or been sent again. Those that are
// not found are unknown.
func (w *worker) question(ctx context.Context, suspects map[string]*suspect) error {
	oldest, youngest := w.now(), time.Time{}
	for _, s := range suspects {
		youngest = later(youngest, s.ReceivedAt)
		if s.ReceivedAt.Before(oldest) {
			oldest = s.ReceivedAt
		}
	}
	if wait := settle - w.now().Sub(youngest); wait > 0 && wait <= settle {
		if err := backoff.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	win := window{from: oldest.Add(-overlap).Truncate(time.Second), until: youngest.Add(overlap).Truncate(time.Second)}
	win.open = !win.until.Before(w.now())
	left, pages := len(suspects), 0
	floor := w.now().Add(-event.TTL)
	for span := firstSpan; ; span = min(2*span, maxSpan) {
		err := w.pages(ctx, win, func(page page) (fresh bool, err error) {
			for _, e := range page.events {
				if w.oldest.IsZero() || e.CreatedAt.Before(w.oldest) {
					w.oldest = e.CreatedAt
				}
				if s := suspects[e.ID]; s != nil && !s.named {
					s.named, w.confirmed = true, true
					left--
				}
			}
			if pages++; left == 0 || pages >= maxSearchPages {
				return false, errFound
			}
			if page.unreadable != nil {
				return false, page.unreadable
			}
			return true, nil
		})
		if err != nil && !errors.Is(err, errFound) {
			return err
		}
		if left == 0 {
			return nil
		}
		if pages >= maxSearchPages || !win.from.After(floor) {
			break
		}
		win = window{from: later(win.from.Add(-span), floor), until: win.from}
	}
	return w.accuse(ctx, suspects)
}

// errFound ends a search.
var errFound = errors.New("reconcile: found")

// accuse flags the events that the list does not name, each with a warning.
func (w *worker) accuse(ctx context.Context, suspects map[string]*suspect) error {
	var unknown []event.Event
	for _, id := range slices.Sorted(maps.Keys(suspects)) {
		s := suspects[id]
		reached := !w.oldest.IsZero() && !w.oldest.After(s.ReceivedAt)
		if !s.named && (reached || w.now().Sub(s.ReceivedAt) < provenAfter) {
			unknown = append(unknown, s.Event)
		}
	}
	if !w.confirmed {
		if w.unproven += len(unknown); w.unproven > maxUnproven {
			w.log.Warn("the vendor's list has named none of the events that a webhook has received: it may be the list of another account or mode, and nothing is called unknown to the vendor",
				"webhook", w.Name, "events", len(unknown))
			return nil
		}
	}
	slices.SortStableFunc(unknown, func(a, b event.Event) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	for _, e := range unknown {
		if !w.pass.DryRun {
			flagged := false
			err := w.retry(ctx, func() (err error) {
				flagged, err = w.events.Flag(ctx, w.Name, e.ID, FlagUnknown, w.lease.Fence())
				return err
			})
			if err != nil {
				return fmt.Errorf("reconcile: flag event: %w", err)
			}
			if !flagged {
				continue
			}
			w.metrics.unknown.WithLabelValues(w.Name).Inc()
			w.log.Warn("an event of a webhook is signed and yet unknown to its vendor: it may be forged by one who has the secret",
				"webhook", w.Name, "event", e.ID, "type", e.Type, "run", e.RunID, "receivedAt", e.ReceivedAt)
		}
		w.pass.Counts.Unknown++
		w.pass.UnknownEvents = name(w.pass.UnknownEvents, Found{ID: e.ID, Type: e.Type, At: e.ReceivedAt})
	}
	return nil
}
