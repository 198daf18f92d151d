package event

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/state"
)

// How events are followed.
const (
	// tailPoll is how often the store is asked what is new.
	tailPoll = 250 * time.Millisecond
	// tailOverlap is how long after the time of its receipt an event may be stored, by
	// whichever replica, and still be seen by who follows.
	tailOverlap = 5 * time.Second
	// maxSeen bounds how many events are remembered for that, and maxWatched those whose
	// ends are waited for: the oldest are left out.
	maxSeen    = 2000
	maxWatched = 10_000
	// lookAgain is how long after one look at an event the next one is at most, and
	// watchFailed how long one that failed is looked at, since it may be repaired.
	lookAgain   = 10 * time.Second
	watchFailed = 10 * time.Minute
)

// Change is that an event was received, or that its status has changed.
type Change struct {
	View
	// ID is for Tail, to go on after the change.
	ID string
}

// Tail follows events. It belongs to one goroutine. It holds a bounded part of what was
// received, and asks the store for more only as changes are taken from it: who is slow
// to take them costs no memory.
type Tail struct {
	events *Events
	query  Query // of which webhook, type and statuses count

	last    string // the greatest member that was looked at
	floor   string // members up to it are not looked at
	seen    []string
	watched []*watched
	polled  time.Time // when the store was last asked
	before  time.Time // and when before that
	ready   []Change
}

// watched is an event whose status may still change.
type watched struct {
	event  Event
	status Status
	since  time.Time // when it had that status first
	next   time.Time // when it is looked at
}

// Tail follows events from now on, or after the change of an ID: the events that were
// received since, and the ends of those that were received shortly before. Of the query
// webhook, type and statuses count. Errors: ErrBadCursor.
func (s *Events) Tail(ctx context.Context, q Query, after string) (*Tail, error) {
	t := &Tail{events: s, query: q}
	now := s.now().UTC()
	t.polled, t.before = now, now
	if after != "" {
		return t, t.resume(ctx, after)
	}
	t.floor = now.Add(-tailOverlap).Format(TimeFormat)
	for t.last = t.floor; ; {
		members, err := t.members(ctx, t.last)
		if err != nil {
			return nil, err
		}
		t.see(members)
		if len(members) < readAtOnce {
			return t, nil
		}
	}
}

// changeID is the ID of a change that is sent now.
func (t *Tail) changeID() string {
	return cursorOf(t.last) + "." + strconv.FormatInt(t.before.UnixMilli(), 16)
}

// resume goes on after a change.
func (t *Tail) resume(ctx context.Context, after string) error {
	position, sent, _ := strings.Cut(after, ".")
	member, err := base64.RawURLEncoding.DecodeString(position)
	ms, badTime := strconv.ParseInt(sent, 16, 64)
	if err != nil || badTime != nil || !isPosition(string(member)) {
		return ErrBadCursor
	}
	t.last, t.floor = string(member), string(member)
	// Of events that were received before, the ends are missing that were not sent.
	members, err := t.events.store.Range(ctx, state.Range{Set: setOf(t.query.Webhook), After: t.last + "\x00", Limit: readAtOnce, Reverse: true})
	if err != nil {
		return fmt.Errorf("event: follow events: %w", err)
	}
	views, err := t.events.matching(ctx, &Query{Webhook: t.query.Webhook, Type: t.query.Type}, members)
	if err != nil {
		return err
	}
	for _, v := range slices.Backward(views) {
		if v.Status == StatusFiltered || v.Status != StatusReceived && v.Run.FinishedAt.UnixMilli() < ms {
			continue
		}
		t.watch(v.Event, StatusReceived)
	}
	return nil
}

// members returns the next members after one.
func (t *Tail) members(ctx context.Context, after string) ([]string, error) {
	members, err := t.events.store.Range(ctx, state.Range{Set: setOf(t.query.Webhook), After: after, Limit: readAtOnce})
	if err != nil {
		return nil, fmt.Errorf("event: follow events: %w", err)
	}
	return members, nil
}

// see remembers members that were looked at.
func (t *Tail) see(members []string) {
	for _, m := range members {
		if i, known := slices.BinarySearch(t.seen, m); !known {
			t.seen = slices.Insert(t.seen, i, m)
		}
		t.last = max(t.last, m)
	}
	if n := len(t.seen) - maxSeen; n > 0 {
		t.floor = t.seen[n-1]
		t.seen = slices.Delete(t.seen, 0, n)
	}
}

// Next returns what has happened, in order, and waits for something to happen if nothing
// has: until ctx is done, then it returns nothing.
func (t *Tail) Next(ctx context.Context) ([]Change, error) {
	for {
		if err := t.poll(ctx); err != nil || len(t.ready) > 0 {
			ready := t.ready
			t.ready = nil
			return ready, err
		}
		if backoff.Sleep(ctx, tailPoll) != nil {
			return nil, nil
		}
	}
}

// poll asks the store what is new.
func (t *Tail) poll(ctx context.Context) error {
	now := t.events.now().UTC()
	t.before, t.polled = t.polled, now
	if overlap := now.Add(-tailOverlap).Format(TimeFormat); overlap > t.floor {
		t.floor = overlap
	}
	first, _ := slices.BinarySearch(t.seen, t.floor)
	t.seen = slices.Delete(t.seen, 0, first)
	for after := min(t.floor, t.last); ; {
		members, err := t.members(ctx, after)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(members), func(m string) bool {
			_, known := slices.BinarySearch(t.seen, m)
			return known || m <= t.floor && m <= t.last
		})
		if err := t.received(ctx, fresh); err != nil {
			return err
		}
		t.see(fresh)
		if len(t.ready) > 0 || len(members) < readAtOnce {
			break
		}
		after = members[len(members)-1]
	}
	return t.look(ctx, now)
}

// received makes changes of events that are new.
func (t *Tail) received(ctx context.Context, members []string) error {
	if len(members) == 0 {
		return nil
	}
	views, err := t.events.matching(ctx, &Query{Webhook: t.query.Webhook, Type: t.query.Type}, members)
	if err != nil {
		return err
	}
	before := t.last
	for _, v := range views {
		t.last = max(t.last, v.member())
		if v.Status == StatusFiltered {
			t.add(v)
			continue
		}
		// What became of it meanwhile is a change of its own.
		first := v
		first.Status, first.Error = StatusReceived, nil
		t.add(first)
		t.watch(v.Event, StatusReceived)
	}
	t.last = before
	return nil
}

// add makes a change that is asked for ready.
func (t *Tail) add(v View) {
	if t.query.hasStatus(v.Status) {
		t.ready = append(t.ready, Change{View: v, ID: t.changeID()})
	}
}

// watch has an event looked at until its status does not change any more.
func (t *Tail) watch(e Event, status Status) {
	t.watched = append(t.watched, &watched{event: e, status: status, since: t.polled, next: t.polled})
	if n := len(t.watched) - maxWatched; n > 0 {
		t.watched = slices.Delete(t.watched, 0, n)
	}
}

// look makes changes of the events whose statuses have changed, as far as it is time to
// look at them.
func (t *Tail) look(ctx context.Context, now time.Time) error {
	due := make([]*watched, 0, readAtOnce)
	for _, w := range t.watched {
		if !w.next.After(now) && len(due) < readAtOnce {
			due = append(due, w)
		}
	}
	ids := make([]string, len(due))
	for i, w := range due {
		ids[i] = recordID(w.event.Webhook, w.event.ID)
	}
	events, err := t.events.read(ctx, ids)
	if err != nil {
		return err
	}
	views, err := t.events.views(ctx, events)
	if err != nil {
		return err
	}
	byID := make(map[string]*View, len(views))
	for i := range views {
		byID[recordID(views[i].Webhook, views[i].ID)] = &views[i]
	}
	ended := map[*watched]bool{}
	for i, w := range due {
		v := byID[ids[i]]
		if v == nil {
			ended[w] = true // it is not shown any more
			continue
		}
		if v.Status != w.status {
			w.status, w.since = v.Status, now
			t.add(*v)
		}
		ended[w] = w.status == StatusProcessed || w.status == StatusFailed && now.Sub(w.since) > watchFailed
		w.next = now.Add(min(max(now.Sub(w.since)/4, tailPoll), lookAgain))
	}
	t.watched = slices.DeleteFunc(t.watched, func(w *watched) bool { return ended[w] })
	return nil
}
