package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// ListEvents has the plugin list what has happened at its vendor. Every event of the
// page has an id, a type, a time and a payload that is JSON, and nothing is larger than
// package sdk says: where the plugin's page has others, it comes without them and with a
// *provider.UnreadableError. Only the caller can see that cursors go round in a circle.
// Any other error is *sdk.Error.
func (p *Plugin) ListEvents(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
	r, refusal := p.acquireConfigured()
	if refusal != nil {
		return sdk.EventPage{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	page, err := r.instance.ListEvents(ctx, request)
	if err != nil {
		return sdk.EventPage{}, sanitize(err, p.redactor.Sparing())
	}
	broken, tooMany := request.Check(page), len(page.Events) > request.Limit
	if broken != nil {
		page.Events = slices.DeleteFunc(page.Events, func(event sdk.ListedEvent) bool {
			return request.Check(sdk.EventPage{Events: []sdk.ListedEvent{event}}) != nil
		})
	}
	for i := range page.Events {
		page.Events[i].Payload = p.redactor.Sparing().Result(page.Events[i].Payload, true)
	}
	if broken == nil {
		return page, nil
	}
	failure := &sdk.Error{
		Code: sdk.CodeInternal, Message: p.redactor.String(excerpt.Bytes(fmt.Sprintf("the plugin's list of events: %v", broken), maxFault)), Outcome: sdk.OutcomeNotExecuted,
	}
	if tooMany || request.Check(page) != nil { // it is not about an event
		return sdk.EventPage{}, failure
	}
	return page, &provider.UnreadableError{Err: failure}
}

// SyncEndpoint has the plugin compare the vendor's endpoint with the request, and with
// Apply make it so. Of what it returns only Secret may hold a secret. The error is
// *sdk.Error.
func (p *Plugin) SyncEndpoint(ctx context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	r, refusal := p.acquireConfigured()
	if refusal != nil {
		return sdk.EndpointSync{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	sync, err := r.instance.SyncEndpoint(ctx, request)
	return checkedSync(sync, err, request, &p.redactor)
}

// checkedSync checks what a plugin has returned, and hides secrets in it.
func checkedSync(sync sdk.EndpointSync, err error, request sdk.SyncEndpointRequest, known *telemetry.Redactor) (sdk.EndpointSync, error) {
	if err != nil {
		return sdk.EndpointSync{}, sanitize(err, known.Sparing([]byte(request.URL)))
	}
	if err := request.Check(sync); err != nil {
		return sdk.EndpointSync{}, &sdk.Error{Code: sdk.CodeInternal, Message: fmt.Sprintf("the plugin's endpoint: %v", err), Outcome: sdk.OutcomeUnknown}
	}
	return hideInSync(sync, known), nil
}

// hideInSync hides the secrets that are known, and the one that is returned, in all else.
func hideInSync(sync sdk.EndpointSync, known *telemetry.Redactor) sdk.EndpointSync {
	returned := &telemetry.Redactor{}
	returned.Add(sync.Secret)
	hide := func(text string) string {
		return excerpt.Bytes(returned.String(known.Sparing([]byte(sync.URL)).String(text)), maxFault)
	}
	sync.ID, sync.Version = hide(sync.ID), hide(sync.Version)
	for i := range sync.Types {
		sync.Types[i] = hide(sync.Types[i])
	}
	for i, change := range sync.Changes {
		sync.Changes[i] = sdk.EndpointChange{Field: hide(change.Field), From: hide(change.From), To: hide(change.To)}
	}
	for i := range sync.Notes {
		sync.Notes[i] = hide(sync.Notes[i])
	}
	return sync
}

// acquireConfigured is acquire of an instance that has its credentials.
func (p *Plugin) acquireConfigured() (*running, *sdk.Error) {
	r, refusal := p.acquire()
	if refusal != nil {
		return nil, refusal
	}
	if r.missingCredentials != "" {
		r.release()
		return nil, p.unavailable(action.StateUnconfigured, r.missingCredentials, time.Time{})
	}
	return r, nil
}

// checkEvent returns what is wrong with what a plugin says of a genuine webhook.
func checkEvent(event sdk.WebhookEvent) error {
	if len(event.Payload) > 0 && !json.Valid(event.Payload) {
		return fmt.Errorf("the payload of its event is not JSON")
	}
	if event.Reply == nil {
		return nil
	}
	if len(event.Reply.Body) > sdk.MaxWebhookReply {
		return fmt.Errorf("its reply to the sender has %d bytes, and %d at most are allowed", len(event.Reply.Body), sdk.MaxWebhookReply)
	}
	if _, _, err := mime.ParseMediaType(event.Reply.ContentType); err != nil {
		return fmt.Errorf("the content type of its reply to the sender is not valid (one that is: text/plain)")
	}
	return nil
}
