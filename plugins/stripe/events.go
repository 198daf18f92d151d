package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stripe/stripe-go/v76"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// The lists of events, and what a cursor into one begins with. Stripe keeps both kinds
// for 30 days (https://docs.stripe.com/api/events/list,
// https://docs.stripe.com/api/v2/core/events/list).
const (
	snapshotsPath, snapshotsCursor = "/v1/events", "v1:"
	thinPath, thinCursor           = "/v2/core/events", "v2:"
)

// eventsPage is how many events Stripe lists at once.
const eventsPage = 100

// list returns a page of the events of the account that the key is of, in the mode of
// the key. Events of the two kinds are in two lists, of which the second follows the
// first where both are wanted: see wantedKinds.
func (p *plugin) list(ctx context.Context, asked sdk.ListEventsRequest) (sdk.EventPage, error) {
	if p.client == nil {
		return sdk.EventPage{}, sdk.Refuse(sdk.CodeUnavailable, "stripe is not configured")
	}
	snapshots, thin := wantedKinds(asked.Types)
	if thin && !p.listsThin() {
		return sdk.EventPage{}, sdk.Refuse(sdk.CodeRejected,
			"stripe: thin events are listed from the API version %s on, and this is %s: name a description of a newer one in credentials.stripe.apiDescription", firstThin, p.speaks())
	}
	switch {
	case strings.HasPrefix(asked.Cursor, snapshotsCursor) || asked.Cursor == "" && snapshots:
		page, err := p.snapshots(ctx, asked)
		if err == nil && page.NextCursor == "" && thin {
			page.NextCursor = thinCursor
		}
		return page, err
	case strings.HasPrefix(asked.Cursor, thinCursor) || asked.Cursor == "":
		return p.thin(ctx, asked)
	}
	return sdk.EventPage{}, sdk.Refuse(sdk.CodeInvalidParams, "stripe: the cursor is not one of its own")
}

// wantedKinds reports which kinds of events the patterns are about. The types of thin
// events begin with the part of the API that they are of, such as
// "v2.core.account.updated" (https://docs.stripe.com/api/v2/core/events/event-types);
// those of snapshots never do. A webhook has one kind, so that a pattern of all types is
// one of all snapshots.
func wantedKinds(patterns []string) (snapshots, thin bool) {
	for _, pattern := range patterns {
		if isThin(pattern) {
			thin = true
		} else {
			snapshots = true
		}
	}
	return snapshots || len(patterns) == 0, thin
}

// isThin reports whether a type, or a pattern of types, is one of thin events.
func isThin(pattern string) bool {
	for _, prefix := range []string{"v1.", "v2.", "v1*", "v2*", "v*"} {
		if strings.HasPrefix(pattern, prefix) {
			return true
		}
	}
	return false
}

// firstThin is the day of the first version of the API that has thin events
// (https://docs.stripe.com/changelog/acacia).
const firstThin = "2024-09-30"

// speaks is the version of the API that the plugin speaks.
func (p *plugin) speaks() string {
	if p.version != "" {
		return p.version
	}
	return stripe.APIVersion
}

func (p *plugin) listsThin() bool { return p.speaks() >= firstThin }

// snapshots returns a page of the list of /v1, whose times are whole seconds.
func (p *plugin) snapshots(ctx context.Context, asked sdk.ListEventsRequest) (sdk.EventPage, error) {
	query := within(asked, time.Second, func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) })
	if after := strings.TrimPrefix(asked.Cursor, snapshotsCursor); after != "" {
		query = append(query, form.Field{Name: "starting_after", Value: after})
	}
	read, err := p.page(ctx, asked, snapshotsPath, query)
	if err != nil {
		return sdk.EventPage{}, err
	}
	found := sdk.EventPage{}
	last := ""
	for _, raw := range read.Data {
		var about struct {
			Created int64 `json:"created"`
		}
		event, err := readEvent(raw)
		if err != nil || json.Unmarshal(raw, &about) != nil || about.Created == 0 {
			return sdk.EventPage{}, notAPage()
		}
		last = event.ID
		event.Payload = raw
		found.Events = p.ofMode(found.Events, sdk.ListedEvent{WebhookEvent: event, CreatedAt: time.Unix(about.Created, 0).UTC()})
	}
	if read.HasMore && last != "" {
		found.NextCursor = snapshotsCursor + last
	}
	return found, nil
}

// thin returns a page of the list of /v2.
func (p *plugin) thin(ctx context.Context, asked sdk.ListEventsRequest) (sdk.EventPage, error) {
	const stamp = "2006-01-02T15:04:05.000Z"
	query := within(asked, time.Millisecond, func(at time.Time) string { return at.UTC().Format(stamp) })
	if next := strings.TrimPrefix(asked.Cursor, thinCursor); next != "" {
		query = append(query, form.Field{Name: "page", Value: next})
	}
	read, err := p.page(ctx, asked, thinPath, query)
	if err != nil {
		return sdk.EventPage{}, err
	}
	found := sdk.EventPage{}
	for _, raw := range read.Data {
		var about struct {
			Created time.Time `json:"created"`
		}
		event, err := readEvent(raw)
		if err != nil || json.Unmarshal(raw, &about) != nil || about.Created.IsZero() {
			return sdk.EventPage{}, notAPage()
		}
		if event.Payload, err = asDelivered(raw); err != nil {
			return sdk.EventPage{}, notAPage()
		}
		found.Events = p.ofMode(found.Events, sdk.ListedEvent{WebhookEvent: event, CreatedAt: about.Created})
	}
	if read.NextPageURL == "" {
		return found, nil
	}
	next, err := url.Parse(read.NextPageURL)
	if err != nil || next.Query().Get("page") == "" {
		return sdk.EventPage{}, notAPage()
	}
	found.NextCursor = thinCursor + next.Query().Get("page")
	return found, nil
}

// asDelivered returns a thin event as its webhook has it: what is fetched is more.
func asDelivered(raw json.RawMessage) (json.RawMessage, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, err
	}
	kept := []byte{'{'}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		quoted := string(name)
		member, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		if quoted == `"data"` || quoted == `"changes"` {
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(append(append(kept, quoted...), ':'), member...)
	}
	return append(kept, '}'), nil
}

// ofMode appends an event, unless it is of another mode than that of the key.
func (p *plugin) ofMode(events []sdk.ListedEvent, event sdk.ListedEvent) []sdk.ListedEvent {
	if p.live != nil && event.Livemode != nil && *p.live != *event.Livemode {
		return events
	}
	return append(events, event)
}

// within bounds the time of the events, in the unit that the list counts in: an event
// of the last of these is listed as one of its beginning.
func within(asked sdk.ListEventsRequest, unit time.Duration, write func(time.Time) string) []form.Field {
	fields := []form.Field{{Name: "created[gte]", Value: write(asked.Since.Truncate(unit))}}
	if !asked.Until.IsZero() {
		fields = append(fields, form.Field{Name: "created[lt]", Value: write(asked.Until.Add(unit - 1).Truncate(unit))})
	}
	return fields
}

// page reads a page of a list.
func (p *plugin) page(ctx context.Context, asked sdk.ListEventsRequest, path string, query []form.Field) (read page, err error) {
	limit := max(1, min(asked.Limit, eventsPage))
	body, err := p.get(ctx, path, append(query, form.Field{Name: "limit", Value: strconv.Itoa(limit)}))
	if err != nil {
		return page{}, err
	}
	if err := json.Unmarshal(body, &read); err != nil || read.Data == nil {
		return page{}, notAPage()
	}
	return read, nil
}

// get reads from Stripe with the key of the credentials.
func (p *plugin) get(ctx context.Context, path string, query []form.Field) (json.RawMessage, error) {
	result, err := p.client.Do(ctx, api.Request{Method: http.MethodGet, Path: path, Query: query, Version: p.version})
	return result.Body, err
}

func notAPage() error {
	return sdk.Fail(sdk.CodeUpstream, "what Stripe answered is not a page of events").Later(0)
}
