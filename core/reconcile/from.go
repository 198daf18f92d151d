package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// FromRoots are the names that templates of a From may begin with.
func FromRoots() []string {
	return []string{"since", "until", "sinceUnix", "untilUnix", "cursor", "limit"}
}

// From is a list of events that an action of an integration returns.
type From struct {
	// Find finds the action that is in force.
	Find func() (*action.Action, error)
	// Params is what it is called with, over FromRoots: the first page has no cursor.
	Params *template.Template
	// Items leads to the list in a result, Next to the cursor of the next page, More to
	// whether there is one: then the id of the last event is its cursor. An empty Items
	// is the result itself.
	Items, Next, More value.Path
	// ID, Type, Created and Payload lead into an item; an empty Payload is the item.
	ID, Type, Created, Payload value.Path
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// List lists a page of events. Its errors are *sdk.Error, and *provider.UnreadableError.
func (f From) List(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
	found, err := f.Find()
	if err != nil {
		return sdk.EventPage{}, err
	}
	params, err := f.params(request)
	if err != nil {
		return sdk.EventPage{}, f.broken("params: %v", err)
	}
	result, err := found.Execute(ctx, action.Call{Params: params})
	if err != nil {
		return sdk.EventPage{}, err
	}
	document, err := value.Parse(bytes.TrimSpace(result.Body))
	if err != nil {
		return sdk.EventPage{}, f.broken("the result is not JSON: %v", err)
	}
	return f.page(document, request)
}

// broken is the error of a list that cannot be read.
func (f From) broken(format string, args ...any) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeUpstream, Message: "the list of events: " + fmt.Sprintf(format, args...), Retryable: true}
}

func (f From) params(request sdk.ListEventsRequest) (value.Doc, error) {
	until := request.Until
	if until.IsZero() { // now, by the clock of the vendor, which may be ahead
		now := time.Now
		if f.Now != nil {
			now = f.Now
		}
		until = now().Add(overlap)
	}
	roots := template.Map{
		"since": request.Since.UTC().Format(time.RFC3339), "sinceUnix": request.Since.Unix(),
		"until": until.UTC().Format(time.RFC3339), "untilUnix": until.Unix(),
		"limit": request.Limit,
	}
	if request.Cursor != "" {
		roots["cursor"] = request.Cursor
	}
	rendered, err := f.Params.Render(roots)
	if err != nil {
		return value.Doc{}, err
	}
	return value.DocOf(rendered)
}

// page reads a page of events.
func (f From) page(document any, request sdk.ListEventsRequest) (page sdk.EventPage, err error) {
	at, _ := value.Lookup(document, f.Items)
	items, ok := at.([]any)
	if !ok {
		return page, f.broken("there is no array where it is to be")
	}
	var unreadable *provider.UnreadableError
	last := "" // id
	for i, item := range items {
		e, err := f.event(item)
		if e.ID != "" {
			last = e.ID
		}
		switch {
		case err == nil:
			page.Events = append(page.Events, e)
		case unreadable == nil:
			unreadable = &provider.UnreadableError{Err: f.broken("item %d: %v", i, err)}
		}
	}
	switch {
	case len(f.More) > 0:
		if more, _ := value.Lookup(document, f.More); more == true && len(items) > 0 {
			if page.NextCursor = last; last == "" {
				return page, unreadable.Err // there is no way on
			}
		}
	case len(f.Next) > 0:
		next, _ := value.Lookup(document, f.Next)
		if page.NextCursor, err = word(next); err != nil && next != nil {
			return page, f.broken("the cursor of the next page: %v", err)
		}
	}
	if unreadable != nil {
		return page, unreadable
	}
	return page, nil
}

// word returns a text, or a number as it is written.
func word(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	default:
		return "", fmt.Errorf("expected a text or a number, found %s", value.KindOf(v))
	}
}

func (f From) event(item any) (e sdk.ListedEvent, err error) {
	at, _ := value.Lookup(item, f.ID)
	if e.ID, err = word(at); err != nil {
		return e, fmt.Errorf("it has no id: %w", err)
	}
	if e.ID == "" {
		return e, errors.New("it has no id: it is empty")
	}
	at, _ = value.Lookup(item, f.Type)
	if e.Type, err = word(at); err != nil {
		return e, fmt.Errorf("its type: %w", err)
	}
	at, _ = value.Lookup(item, f.Created)
	if e.CreatedAt, err = timeOf(at); err != nil {
		return e, fmt.Errorf("its time: %w", err)
	}
	payload, ok := value.Lookup(item, f.Payload)
	if !ok {
		return e, fmt.Errorf("it has no payload")
	}
	e.Payload, err = value.Marshal(payload)
	return e, err
}

// milliseconds is from which number on a time is one of milliseconds since 1970: that of
// seconds comes in the year 5138.
const milliseconds = 100_000_000_000

// timeOf reads a time: of RFC 3339, or a number of seconds or milliseconds since 1970,
// which may be written as a text.
func timeOf(v any) (time.Time, error) {
	written, err := word(v)
	if err != nil {
		return time.Time{}, err
	}
	if at, err := time.Parse(time.RFC3339, written); err == nil {
		if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 { // by its offset: it could not be written
			return time.Time{}, errors.New("in UTC it is before the year 1 or after the year 9999")
		}
		return at, nil
	}
	number, err := strconv.ParseFloat(written, 64)
	if err != nil || number < 0 || number > 1000*milliseconds || math.IsNaN(number) {
		return time.Time{}, fmt.Errorf("neither a time of RFC 3339 nor a number of seconds or milliseconds since 1970")
	}
	if number < milliseconds {
		number *= 1000
	}
	return time.UnixMilli(int64(number)).UTC(), nil
}
