package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// EventLister is implemented by plugins whose vendor lists the events that have
// happened, so that one whose webhook never arrived is found all the same. It goes with
// WebhookCapability.ListsEvents.
type EventLister interface {
	// ListEvents returns one page of the events. Nothing is repeated by the plugin: an
	// *Error says whether the caller may, and when.
	ListEvents(ctx context.Context, request ListEventsRequest) (EventPage, error)
}

// What a page of events may hold. The gateway refuses one that holds more.
const (
	// MaxListedEvents is how many events a page has at most, and the largest Limit.
	MaxListedEvents = 1000
	// MaxEventPayload is how many bytes the payload of a listed event has at most.
	MaxEventPayload = 4 << 20
	// MaxEventCursor is how many bytes a cursor has at most.
	MaxEventCursor = 4 << 10
)

// ListEventsRequest asks for the events of a span of time.
type ListEventsRequest struct {
	// Since and Until bound the time of the events: the first is included, the second
	// is not. A zero Until is now. Where the vendor counts whole seconds, the list begins
	// with the second in which Since is.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Types are patterns of the types that are wanted: "*" matches any run of
	// characters. Empty: all. The plugin may list others too.
	Types []string `json:"types,omitempty"`
	// Cursor is the NextCursor of the page before, empty for the first page. What else
	// the request says is then the same.
	Cursor string `json:"cursor,omitempty"`
	// Limit is how many events the page may have, from 1 to MaxListedEvents.
	Limit int `json:"limit"`
}

// EventPage is one page of events, in any order. It may be empty and not the last.
type EventPage struct {
	Events []ListedEvent `json:"events"`
	// NextCursor asks for the next page. Empty: this is the last one.
	NextCursor string `json:"nextCursor,omitempty"`
}

// ListedEvent is an event as the vendor's webhook would have brought it: the same ID,
// the same Type, and a Payload, which every listed event has. It has no Reply.
type ListedEvent struct {
	WebhookEvent
	// CreatedAt is when it happened, by the vendor's clock.
	CreatedAt time.Time `json:"createdAt"`
}

// Check returns what is wrong with the page that a plugin has returned.
func (r ListEventsRequest) Check(page EventPage) error {
	switch {
	case len(page.Events) > r.Limit:
		return fmt.Errorf("%d events were asked for, and it has %d", r.Limit, len(page.Events))
	case len(page.NextCursor) > MaxEventCursor:
		return fmt.Errorf("its cursor has %d bytes, and %d at most are allowed", len(page.NextCursor), MaxEventCursor)
	case page.NextCursor != "" && page.NextCursor == r.Cursor:
		return fmt.Errorf("its next page is the page itself: the cursor stays %q", page.NextCursor)
	}
	for i, event := range page.Events {
		switch {
		case event.ID == "":
			return fmt.Errorf("event %d has no id", i)
		case event.Type == "":
			return fmt.Errorf("event %q has no type", event.ID)
		case event.CreatedAt.IsZero():
			return fmt.Errorf("event %q has no time", event.ID)
		case event.CreatedAt.UTC().Year() < 1 || event.CreatedAt.UTC().Year() > 9999: // RFC 3339 cannot write it
			return fmt.Errorf("the time of event %q is in the year %d: 1 to 9999 are possible", event.ID, event.CreatedAt.UTC().Year())
		case event.Reply != nil:
			return fmt.Errorf("event %q has a reply, and a listed event has no sender that waits", event.ID)
		case len(event.Payload) > MaxEventPayload:
			return fmt.Errorf("the payload of event %q has %d bytes, and %d at most are allowed", event.ID, len(event.Payload), MaxEventPayload)
		case !json.Valid(event.Payload):
			return fmt.Errorf("the payload of event %q is not JSON", event.ID)
		}
	}
	return nil
}

// ListEvents asks Webhook.List; without one there is no list.
func (p *integration) ListEvents(ctx context.Context, request ListEventsRequest) (EventPage, error) {
	if p.webhook == nil || p.webhook.List == nil {
		return EventPage{}, notImplemented("ListEvents")
	}
	return p.webhook.List(ctx, request)
}
