package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Destinations are those that messages are sent to. *destination.Service is one.
type Destinations interface {
	List(ctx context.Context) ([]destination.View, error)
	Show(ctx context.Context, name string) (destination.View, error)
	// Messages returns a page of messages, the newest first, with the cursor of the next.
	Messages(ctx context.Context, name string, req destination.MessageRequest) ([]destination.Message, string, error)
	Message(ctx context.Context, name, id string) (destination.Message, error)
	// Enable, Disable and Replay return once the change is durable. What is to be done
	// once is recorded in the same write.
	Enable(ctx context.Context, name, by string, once engine.Once) error
	Disable(ctx context.Context, name, by, reason string, once engine.Once) error
	Replay(ctx context.Context, name, id, by string, once engine.Once) error
	// Failed returns the runs of messages that have failed.
	Failed(ctx context.Context, name string, filter destination.MessageFilter) (runs []string, more bool, err error)
	PublicKeys() []destination.PublicKey
}

var _ Destinations = (*destination.Service)(nil)

// listDestinations shows all destinations.
func (x *requestContext) listDestinations(w http.ResponseWriter, r *http.Request) error {
	views, err := x.services.Destinations.List(r.Context())
	if err != nil {
		return err
	}
	page := list[destinationJSON]{Data: []destinationJSON{}}
	for _, view := range views {
		page.Data = append(page.Data, newDestinationJSON(view))
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// showDestination shows one destination.
func (x *requestContext) showDestination(w http.ResponseWriter, r *http.Request) error {
	view, err := x.services.Destinations.Show(r.Context(), x.argument("destination"))
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, newDestinationJSON(view))
}

// listMessages shows a page of the messages to a destination.
func (x *requestContext) listMessages(w http.ResponseWriter, r *http.Request) error {
	request, err := messageRequest(x.query)
	if err != nil {
		return err
	}
	messages, next, err := x.services.Destinations.Messages(r.Context(), x.argument("destination"), request)
	if err != nil {
		return err
	}
	page := list[messageJSON]{Data: []messageJSON{}}
	for _, m := range messages {
		page.Data = append(page.Data, x.messageJSON(m))
	}
	if next != "" {
		page.NextCursor = &next
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// messageRequest reads the query of a list of messages.
func messageRequest(query map[string]string) (request destination.MessageRequest, err error) {
	request = destination.MessageRequest{Cursor: query["cursor"], Filter: destination.MessageFilter{Type: query["type"]}}
	if statuses := query["status"]; statuses != "" {
		for name := range strings.SplitSeq(statuses, ",") {
			status := destination.Status(name)
			if !slices.Contains(destination.Statuses, status) {
				return request, &apiError{code: codeBadRequest, detail: fmt.Sprintf("status %q is unknown, known are: pending, delivered, failed, held", name)}
			}
			request.Filter.Statuses = append(request.Filter.Statuses, status)
		}
	}
	if since, given := query["since"]; given {
		if request.Filter.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return request, &apiError{code: codeBadRequest, detail: "since must be a time of RFC 3339, such as 2026-01-31T12:00:00Z (a + is written %2B in a query)"}
		}
	}
	if limit, given := query["limit"]; given {
		if request.Limit, err = strconv.Atoi(limit); err != nil || request.Limit < 1 || request.Limit > destination.MaxMessagesPage {
			return request, &apiError{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", destination.MaxMessagesPage)}
		}
	}
	return request, nil
}

// enableDestination has the messages of a destination be sent again.
func (x *requestContext) enableDestination(w http.ResponseWriter, r *http.Request) error {
	return x.controlDestination(w, r, noMembers, func(name string, _ disableJSON, once engine.Once) error {
		return x.services.Destinations.Enable(r.Context(), name, x.caller.name, once)
	})
}

// disableDestination has the messages of a destination be held.
func (x *requestContext) disableDestination(w http.ResponseWriter, r *http.Request) error {
	return x.controlDestination(w, r, disableSchema, func(name string, body disableJSON, once engine.Once) error {
		return x.services.Destinations.Disable(r.Context(), name, x.caller.name, body.Reason, once)
	})
}

// controlDestination changes a destination, and shows it as it is then.
func (x *requestContext) controlDestination(w http.ResponseWriter, r *http.Request, schema bodySchema, do func(name string, body disableJSON, once engine.Once) error) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	var body disableJSON
	if err := schema.read(c.body, &body); err != nil {
		return err
	}
	show := func(name string) (destination.View, error) { return x.services.Destinations.Show(r.Context(), name) }
	name := x.argument("destination")
	view, err := changeOnce(x, w, r, c, name, func(once engine.Once) (destination.View, error) {
		if err := do(name, body, once); err != nil {
			return destination.View{}, err
		}
		return show(name)
	}, show)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusAccepted, nil, newDestinationJSON(view))
}

// replayMessages sends one message again, or has a bulk send those that have failed and
// that a filter selects.
func (x *requestContext) replayMessages(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	var body resendJSON
	if err := resendSchema.read(c.body, &body); err != nil {
		return err
	}
	name := x.argument("destination")
	if body.Message == "" {
		return x.replayFailed(w, r, c, name, body)
	}
	if body.Status != "" || body.Type != "" || body.Since != nil {
		return &apiError{code: sdk.CodeInvalidParams, detail: "message names one message: leave status, type and since out"}
	}
	get := func(id string) (destination.Message, error) {
		return x.services.Destinations.Message(r.Context(), name, id)
	}
	message, err := changeOnce(x, w, r, c, body.Message, func(once engine.Once) (destination.Message, error) {
		if err := x.services.Destinations.Replay(r.Context(), name, body.Message, x.caller.name, once); err != nil {
			return destination.Message{}, err
		}
		return get(body.Message)
	}, get)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusAccepted, nil, x.messageJSON(message))
}

// replayFailed has a bulk send what has failed.
func (x *requestContext) replayFailed(w http.ResponseWriter, r *http.Request, c change, name string, body resendJSON) error {
	if body.Status == "" && body.Type == "" && body.Since == nil {
		return &apiError{code: sdk.CodeInvalidParams, detail: `give the id of a "message", or at least one of status, type and since: an empty filter selects every message`}
	}
	since, err := body.Since.time("since")
	if err != nil {
		return err
	}
	id := engine.NewRunID()
	b, err := x.changeBulk(w, r, c, id, func(once engine.Once) (bulk.Bulk, error) {
		ctx, cancel := context.WithTimeout(r.Context(), x.table.RequestTimeout)
		defer cancel()
		runs, more, err := x.services.Destinations.Failed(ctx, name, destination.MessageFilter{Type: body.Type, Since: since})
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return bulk.Bulk{}, tookTooLong(x.table.RequestTimeout, err)
		case err != nil:
			return bulk.Bulk{}, err
		case more:
			return bulk.Bulk{}, &apiError{code: sdk.CodeInvalidParams, detail: fmt.Sprintf("more than %d messages match: give since, or a type", destination.MaxReplay)}
		case len(runs) == 0:
			return bulk.Bulk{}, &apiError{code: sdk.CodeNotFound, detail: "no message that has failed matches"}
		}
		return x.services.Bulks.Create(ctx, bulk.Request{
			ID: id, Action: bulk.ActionRetry, Filter: bulk.Filter{IDs: runs}, Caller: x.bulkCaller(), RequestID: x.id, Once: once,
			Permission: []string{"destinations", "write"}, Unknown: true,
		})
	})
	if err != nil {
		return err
	}
	return x.sendBulk(w, http.StatusAccepted, b)
}

// webhookKeysAge is how long others may keep the public keys, in seconds.
const webhookKeysAge = 300

// showWebhookKeys shows the keys that messages are verified with.
func (x *requestContext) showWebhookKeys(w http.ResponseWriter, _ *http.Request) error {
	header := http.Header{"Cache-Control": {fmt.Sprintf("public, max-age=%d", webhookKeysAge)}}
	return sendJSON(w, http.StatusOK, header, webhookKeysJSON{x.services.Destinations.PublicKeys()})
}

// webhookKeysJSON is a JSON Web Key Set (RFC 7517, section 5).
type webhookKeysJSON struct {
	Keys []destination.PublicKey `json:"keys"`
}

// destinationJSON is a destination.
type destinationJSON struct {
	Name  string   `json:"name"`
	URL   string   `json:"url"`
	Types []string `json:"types,omitempty"`
	// State is enabled or disabled; Code, Reason and Since say why it is disabled, and
	// since when.
	State  destination.State `json:"state"`
	Code   destination.Code  `json:"code,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Since  *value.Time       `json:"since,omitempty"`
	// Probing: one held message is being sent, to see whether it works again.
	Probing bool `json:"probing,omitempty"`
	// FailingSince is when the first attempt failed since it last took a message.
	FailingSince *value.Time `json:"failingSince,omitempty"`
	// Held is how many messages are held. HeldMore: there are more than that.
	Held     int  `json:"held"`
	HeldMore bool `json:"heldMore,omitempty"`
}

func newDestinationJSON(v destination.View) destinationJSON {
	doc := destinationJSON{
		Name: v.Name, URL: v.URL, Types: v.Types, State: destination.StateEnabled, Code: v.Code, Reason: v.Reason, Since: optionalTime(v.Since),
		Probing: v.Probing, FailingSince: optionalTime(v.FailingSince), Held: v.Held, HeldMore: v.Held == destination.MaxCounted,
	}
	if !v.Enabled {
		doc.State = destination.StateDisabled
	}
	return doc
}

// messageJSON is a message to a destination.
type messageJSON struct {
	ID            string             `json:"id"`
	Type          string             `json:"type"`
	Status        destination.Status `json:"status"`
	CreatedAt     value.Time         `json:"createdAt"`
	Run           string             `json:"run,omitempty"`
	Attempts      int                `json:"attempts"`
	NextAttemptAt *value.Time        `json:"nextAttemptAt,omitempty"`
	// Reason says why it is held.
	Reason       string               `json:"reason,omitempty"`
	Error        *problem             `json:"error,omitempty"`
	LastResponse *messageResponseJSON `json:"lastResponse,omitempty"`
}

// messageResponseJSON is the response to an attempt.
type messageResponseJSON struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

func (x *requestContext) messageJSON(m destination.Message) messageJSON {
	doc := messageJSON{
		ID: m.ID, Type: m.Type, Status: m.Status, CreatedAt: value.Time{Time: m.At}, Run: m.Run,
		Attempts: m.Attempts, NextAttemptAt: optionalTime(m.NextAttemptAt), Reason: m.Reason,
	}
	if m.Error != nil {
		shown := *m.Error
		shown.Details = nil // the response is shown beside it
		doc.Error = x.failure(&workflow.Failure{Err: &shown})
	}
	if m.Response != nil {
		doc.LastResponse = &messageResponseJSON{m.Response.Status, m.Response.Body}
	}
	return doc
}

// disableJSON is the body of a request to disable a destination.
type disableJSON struct {
	Reason string `json:"reason,omitempty"`
}

var (
	disableSchema = newBodySchema(`{"type":"object","additionalProperties":false,"properties":{"reason":{"type":"string","minLength":1,"maxLength":300}}}`)
	noMembers     = newBodySchema(`{"type":"object","additionalProperties":false}`)
)

// resendJSON is the body of a request to replay messages: one, or those that have failed
// and are of a type, or were made since then.
type resendJSON struct {
	Message string      `json:"message,omitempty"`
	Status  string      `json:"status,omitempty"`
	Type    string      `json:"type,omitempty"`
	Since   *filterTime `json:"since,omitempty"`
}

var resendSchema = newBodySchema(`{"type":"object","additionalProperties":false,"properties":{
	"message":{"type":"string","minLength":1},
	"status":{"enum":["failed"]},
	"type":{"type":"string","minLength":1},
	"since":{"type":"string"}}}`)
