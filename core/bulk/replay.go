package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk"
)

// A replay is a bulk whose items are events, by their uids.

// item returns a new item of the bulk.
func (r *record) item(id string) storedItem {
	if r.Action == ActionReplay {
		return storedItem{Event: id}
	}
	return storedItem{Run: id}
}

// checkReplay is check for a replay.
func (r *Request) checkReplay() []sdk.Fault {
	var faults []sdk.Fault
	fault := func(pointer, format string, args ...any) {
		faults = append(faults, sdk.Fault{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
	f := &r.Filter
	if f.Webhook == "" && f.Type == "" && len(f.Events) == 0 && f.Since.IsZero() && f.Until.IsZero() && len(f.IDs) == 0 {
		fault("/filter", "name at least one of webhook, type, status, since, until and ids: an empty filter selects every event")
	}
	if f.Workflow != "" || f.Error != "" {
		fault("/filter", "workflow and error select runs, and %s is for events", r.Action)
	}
	for i, status := range f.Events {
		if !slices.Contains(event.Statuses, status) || status == event.StatusReceived {
			fault(fmt.Sprintf("/filter/status/%d", i), "%s does not apply to events that are %s, only to failed, processed, filtered", r.Action, status)
		}
	}
	if !f.Until.IsZero() && !f.Since.Before(f.Until) {
		fault("/filter/until", "until is not after since")
	}
	if len(f.IDs) > MaxIDs {
		fault("/filter/ids", "%d ids are more than the %d that a filter may have", len(f.IDs), MaxIDs)
	}
	return faults
}

// findEvents is find for a replay.
func (m *Manager) findEvents(ctx context.Context, r *Request) (*selection, error) {
	found := &selection{}
	seen := map[string]bool{}
	err := m.eachEvent(ctx, r, func(v *event.View) error {
		uid := v.UID()
		if seen[uid] {
			return nil
		}
		seen[uid] = true
		if len(seen) > MaxItems {
			return sdkFaults("the filter selects too many events", sdk.Fault{Pointer: "/filter", Message: fmt.Sprintf("more than %d events match: name a webhook, a type or a time", MaxItems)})
		}
		found.ids = append(found.ids, uid)
		if isUnknown(v.Error) {
			found.outcomeUnknown++
		}
		found.events = append(found.events, *v)
		if len(found.events) > 2*SampleSize {
			found.events = newestEvents(found.events)
		}
		return nil
	})
	slices.Sort(found.ids) // uids order by the time of receipt
	found.events = newestEvents(found.events)
	return found, err
}

func newestEvents(events []event.View) []event.View {
	slices.SortFunc(events, func(a, b event.View) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	return events[:min(len(events), SampleSize)]
}

// eachEvent calls visit for every event that a replay selects.
func (m *Manager) eachEvent(ctx context.Context, r *Request, visit func(*event.View) error) error {
	f := &r.Filter
	for i, id := range f.IDs {
		found, err := m.events.Get(ctx, event.Ref{ID: id, Webhook: f.Webhook})
		refused, isRefused := errors.AsType[*sdk.Error](err)
		switch {
		case errors.Is(err, event.ErrNotFound):
			return sdkFaults("the filter names an event that does not exist", sdk.Fault{Pointer: fmt.Sprintf("/filter/ids/%d", i), Message: "there is no event " + id})
		case isRefused:
			return sdkFaults("the filter names several events by one id", sdk.Fault{Pointer: fmt.Sprintf("/filter/ids/%d", i), Message: refused.Message})
		case err != nil:
			return err
		}
		v := found.View
		if f.Type != "" && !event.MatchesType(f.Type, v.Type) || len(f.Events) > 0 && !slices.Contains(f.Events, v.Status) ||
			v.ReceivedAt.Before(f.Since) || !f.Until.IsZero() && !v.ReceivedAt.Before(f.Until) {
			continue
		}
		if err := visit(&v); err != nil {
			return err
		}
	}
	if len(f.IDs) > 0 {
		return nil
	}
	query := event.Query{Webhook: f.Webhook, Type: f.Type, Statuses: f.Events, Since: f.Since, Until: f.Until, Limit: 200}
	if len(query.Statuses) == 0 {
		query.Statuses = []event.Status{event.StatusFailed}
	}
	for {
		page, err := m.events.List(ctx, query)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if err := visit(&page.Events[i]); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		query.Cursor = page.NextCursor
	}
}

// replay does one item of a replay.
func (m *Manager) replay(ctx context.Context, rec *record, item storedItem, once engine.Once) (_ storedItem, again bool, _ error) {
	once.Value = encode(effect{})
	_, err := m.events.Replay(ctx, event.ReplayRequest{
		Ref: event.Ref{ID: item.Event}, FromStart: rec.Filter.FromStart, By: engine.Initiator{Token: rec.Caller}, RequestID: rec.RequestID, Once: once,
	})
	if err != nil {
		return m.notDone(item, err)
	}
	return done(item, effect{}), false, nil
}
