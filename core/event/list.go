package event

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// Bounds of a list's page.
const (
	defaultLimit = 50
	maxLimit     = 200
	// maxReads bounds how many events are read for one page: rare ones are found over
	// several pages, none of which takes long.
	maxReads = 4 * readAtOnce
)

// Query selects events: those for which all of it holds.
type Query struct {
	Webhook string
	// Type is a pattern in which * is any text, also none.
	Type string
	// Statuses are those of which the event has one; none are all.
	Statuses []Status
	// Source is how the event came, Flag one that it bears.
	Source, Flag string
	// Since and Until are times at which the event was received: then or later, and
	// earlier.
	Since, Until time.Time
	Limit        int    // 1 to 200; 0 is 50
	Cursor       string // NextCursor of the page before
}

// Page is one page of events. It may be shorter than asked for although more follow:
// NextCursor alone says whether it is the last.
type Page struct {
	Events     []View
	NextCursor string
}

// takes reports whether the event is one of those asked for, as far as its record says.
func (q *Query) takes(e *Event) bool {
	switch {
	case q.Webhook != "" && e.Webhook != q.Webhook,
		q.Type != "" && !MatchesType(q.Type, e.Type),
		q.Source != "" && cmp.Or(e.Source, SourceWebhook) != q.Source,
		q.Flag != "" && !slices.Contains(e.Flags, q.Flag),
		e.ReceivedAt.Before(q.Since),
		!q.Until.IsZero() && !e.ReceivedAt.Before(q.Until):
		return false
	default:
		return true
	}
}

func (q *Query) hasStatus(status Status) bool {
	return len(q.Statuses) == 0 || slices.Contains(q.Statuses, status)
}

// byRuns reports whether the events asked for are found by the index of their runs.
func (q *Query) byRuns() bool {
	return len(q.Statuses) > 0 && !slices.ContainsFunc(q.Statuses, func(s Status) bool { return s == StatusProcessed || s == StatusFiltered })
}

// List returns a page of events, the newest first: in the order of their receipt, and
// where only received and failed ones are asked for, which are found by their runs, in
// that of their latest runs. Errors: ErrBadCursor.
func (s *Events) List(ctx context.Context, q Query) (Page, error) {
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	q.Limit = min(max(q.Limit, 1), maxLimit)
	cursor, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return Page{}, ErrBadCursor
	}
	if q.byRuns() {
		return s.listByRuns(ctx, &q, string(cursor))
	}
	return s.listAll(ctx, &q, string(cursor))
}

func cursorOf(position string) string { return base64.RawURLEncoding.EncodeToString([]byte(position)) }

// isPosition reports whether a text is a member of the lists of events, or a time at which
// one could be.
func isPosition(text string) bool {
	at, _, _ := strings.Cut(text, "/")
	_, err := time.Parse(TimeFormat, at)
	return err == nil
}

// setOf is the list that has all events asked for.
func setOf(webhook string) string {
	if webhook == "" {
		return layout.SetEvents
	}
	return layout.SetEvents + "/" + webhook
}

// listAll looks through the lists of events.
func (s *Events) listAll(ctx context.Context, q *Query, after string) (Page, error) {
	if after != "" && (!isPosition(after) || !strings.Contains(after, "/")) {
		return Page{}, ErrBadCursor
	}
	if until := q.Until.UTC().Format(TimeFormat); !q.Until.IsZero() && (after == "" || until < after) {
		after = until // a member of that moment is greater
	}
	since := s.oldest()
	if q.Since.After(since) {
		since = q.Since
	}
	oldest := since.UTC().Format(TimeFormat)
	page := Page{Events: []View{}}
	for read, stride := 0, q.Limit; read < maxReads; read, stride = read+stride, readAtOnce {
		members, err := s.store.Range(ctx, state.Range{Set: setOf(q.Webhook), After: after, Limit: stride, Reverse: true})
		if err != nil {
			return Page{}, fmt.Errorf("event: list events: %w", err)
		}
		last := len(members) < stride
		if i := slices.IndexFunc(members, func(m string) bool { return m < oldest }); i >= 0 {
			members, last = members[:i], true
		}
		found, err := s.matching(ctx, q, members)
		if err != nil {
			return Page{}, err
		}
		if room := q.Limit - len(page.Events); len(found) >= room && room > 0 {
			page.Events = append(page.Events, found[:room]...)
			if end := page.Events[len(page.Events)-1].member(); !last || len(found) > room || end != members[len(members)-1] {
				page.NextCursor = cursorOf(end)
			}
			return page, nil
		}
		page.Events = append(page.Events, found...)
		if last {
			return page, nil
		}
		after = members[len(members)-1]
	}
	page.NextCursor = cursorOf(after)
	return page, nil
}

// matching returns those of the events of some members that are asked for.
func (s *Events) matching(ctx context.Context, q *Query, members []string) ([]View, error) {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = recordOf(m)
	}
	events, err := s.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	events = slices.DeleteFunc(events, func(e stored) bool { return !q.takes(&e.Event) })
	views, err := s.views(ctx, events)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(views, func(v View) bool { return !q.hasStatus(v.Status) }), nil
}

// found is an event that was found by its run.
type found struct{ run, id string }

// listByRuns looks through the runs that have not ended well, and through what remains
// of such.
func (s *Events) listByRuns(ctx context.Context, q *Query, after string) (Page, error) {
	if after != "" {
		if _, err := uuid.Parse(after); err != nil {
			return Page{}, ErrBadCursor
		}
	}
	page := Page{Events: []View{}}
	for read := 0; read < maxReads; read += readAtOnce {
		candidates, next, err := s.candidates(ctx, q, after)
		if err != nil {
			return Page{}, err
		}
		ids := make([]string, len(candidates))
		runOf := make(map[string][]string, len(candidates))
		for i, c := range candidates {
			ids[i] = c.id
			runOf[c.id] = append(runOf[c.id], c.run)
		}
		slices.Sort(ids)
		events, err := s.read(ctx, slices.Compact(ids))
		if err != nil {
			return Page{}, err
		}
		events = slices.DeleteFunc(events, func(e stored) bool {
			return !q.takes(&e.Event) || !slices.Contains(runOf[recordID(e.Webhook, e.ID)], e.RunID)
		})
		slices.SortFunc(events, func(a, b stored) int { return strings.Compare(b.RunID, a.RunID) })
		for len(events) > 0 {
			some := events[:min(len(events), readAtOnce)]
			events = events[len(some):]
			views, err := s.views(ctx, some)
			if err != nil {
				return Page{}, err
			}
			for _, v := range views {
				if !q.hasStatus(v.Status) {
					continue // it has changed since
				}
				page.Events = append(page.Events, v)
				if len(page.Events) == q.Limit {
					page.NextCursor = cursorOf(v.RunID)
					return page, nil
				}
			}
		}
		if next == "" {
			return page, nil
		}
		after = next
	}
	page.NextCursor = cursorOf(after)
	return page, nil
}

// candidates returns the events of runs that come after one in the order of lists, and up
// to which run these are all; empty if no more follow.
func (s *Events) candidates(ctx context.Context, q *Query, after string) (all []found, next string, err error) {
	request := engine.ListRequest{Limit: readAtOnce, Cursor: after, Since: q.Since}
	if q.Webhook != "" {
		request.Workflow = WorkflowID(q.Webhook)
	}
	if slices.Contains(q.Statuses, StatusReceived) {
		request.Statuses = append(request.Statuses, workflow.RunQueued, workflow.RunRunning, workflow.RunWaiting, workflow.RunCompensating)
	}
	if slices.Contains(q.Statuses, StatusFailed) {
		request.Statuses = append(request.Statuses, workflow.RunFailed, workflow.RunCancelled)
	}
	runs, err := s.runs.List(ctx, request)
	if err != nil {
		return nil, "", err
	}
	for _, run := range runs.Runs {
		if by := run.StartedBy; by.Webhook != "" && run.RerunAs == "" {
			all = append(all, found{run.ID, recordID(by.Webhook, by.Event)})
		}
	}
	next = runs.NextCursor
	if !slices.Contains(q.Statuses, StatusFailed) {
		return all, next, nil
	}
	members, err := s.store.Range(ctx, state.Range{Set: layout.SetEventsFailed, After: after, Limit: readAtOnce, Reverse: true})
	if err != nil {
		return nil, "", fmt.Errorf("event: list what remains of runs: %w", err)
	}
	for _, member := range members {
		run, id, _ := strings.Cut(member, "/")
		all = append(all, found{run, id})
	}
	if len(members) == readAtOnce { // further ones are older than the last
		last, _, _ := strings.Cut(members[len(members)-1], "/")
		next = max(next, last)
	}
	return slices.DeleteFunc(all, func(c found) bool { return c.run < next }), next, nil
}
