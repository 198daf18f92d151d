package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/backflow/backflow/sdk"
)

// Provider is what is known of one sender's webhooks. Its functions are safe for
// concurrent use.
type Provider struct {
	// Name is what a config calls the provider.
	Name string
	// Page is the address of the sender's page on how it signs; empty for an integration.
	Page string
	// Headers are those that Verify reads, the signature's first; Timestamp and EventID
	// say in words where the time that is signed and the id of an event are, and are empty
	// where there is no such thing. IDSigned: that id is part of what is signed. ShowsSecret: the
	// sender signs nothing, and shows the secret. All are known of built-in providers alone,
	// for their documentation.
	Headers               []string
	Timestamp, EventID    string
	IDSigned, ShowsSecret bool
	// Unpublished: the provider is an integration that has published nothing yet,
	// so that SecretField and EventTypes are not known.
	Unpublished bool
	// SecretField is the field in the credentials of the integration of that name
	// that holds the secret, where a webhook names none of its own; empty where
	// each webhook names its own.
	SecretField string
	// EventTypes are those of which Sample makes events. `backflow dev` proposes
	// the first, if no condition names another.
	EventTypes []string
	// NewSecret makes a secret as the sender would; nil in a table is one of 256
	// random bits.
	NewSecret func() string
	// CheckSecret says what is wrong with the form of a secret that is neither empty
	// nor has white space around it, without quoting it; nil takes every text.
	CheckSecret func(secret string) error
	// Methods are those at which the sender is served beside POST: GET, HEAD or both.
	Methods []string
	// Challenge is what the sender sends before the first event, where it is not part of
	// Verify alone; the zero one is nothing.
	Challenge Challenge
	// SignsURL: the sender signs the URL that it calls, so that a request can be
	// verified only where that is known.
	SignsURL bool
	// ListsEvents and SyncsEndpoints: List and SyncEndpoint are there once the
	// integration runs.
	ListsEvents, SyncsEndpoints bool
	// FetchAction is the action of the integration that returns what an event is about,
	// empty where none does.
	FetchAction string
	// Verify returns the event of a request. A request that is not genuine is a
	// *sdk.WebhookRefusal; any other error means that the check could not be
	// made. It is nil for an integration of which only the manifest is known.
	Verify func(ctx context.Context, request sdk.WebhookRequest) (Verified, error)
	// Sample makes a request that Verify accepts; nil where none can be made.
	Sample func(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error)
	// List returns a page of what has happened at the sender; nil where it has no list,
	// or only the manifest of the integration is known.
	List func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error)
	// SyncEndpoint registers the address of a webhook at the sender; nil as List is.
	SyncEndpoint func(ctx context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error)
}

// Verified is what a provider says of a genuine request.
type Verified struct {
	// ID is the sender's id of the event: a repeat has the same. Empty with a
	// Reply is a request that is no event, such as a challenge: it is replied to,
	// and nothing is stored.
	ID string
	// NoID says why there is no ID, where that is a fault: the request is genuine, and
	// nothing can be stored of it.
	NoID string
	// Type is the sender's word for what happened.
	Type string
	// Livemode and Flags are as those of sdk.WebhookEvent.
	Livemode *bool
	Flags    []string
	// Payload is what the actions get as {{payload}}; nil is the body itself,
	// which is JSON then. Table that send forms make JSON of them.
	Payload json.RawMessage
	// Reply is what the sender expects; nil is the gateway's own response.
	Reply *Reply
	// Content is what was signed, where the id is no part of that, or where it is not known
	// where the id ends in it: then a request with the same content under another id is a
	// repeat. Nil: the id is signed.
	Content []byte
}

// Reply is the response to a sender.
type Reply struct {
	// Status is that of the response; zero is 200.
	Status      int
	ContentType string
	Body        []byte
}

// Integration is an integration that may be a provider: one that is an
// sdk.WebhookVerifier verifies, one that is an sdk.WebhookSampler makes samples, and of
// one whose manifest says so an sdk.EventLister lists and an sdk.EndpointSyncer registers.
type Integration interface {
	// Manifest is what the integration publishes, nil before it has.
	Manifest() *sdk.Manifest
}

// Lookup returns the provider of a name: a built-in one, else what the integration
// of that name is. The integration is nil where none has the name. ok is false
// where no provider is found, also for an integration whose manifest has no
// webhooks.
func (p Table) Lookup(name string, integration Integration) (found Provider, ok bool) {
	for _, row := range p {
		if row.Name == name {
			found, ok = row, true
			break
		}
	}
	if !ok {
		if found, ok = ofIntegration(name, integration); !ok {
			return Provider{}, false
		}
	}
	if found.NewSecret == nil {
		found.NewSecret = newSecret
	}
	return found, true
}

// Has reports whether a name is that of a built-in provider.
func (p Table) Has(name string) bool { return slices.Contains(p.Names(), name) }

// Names lists the built-in providers in the order of the table.
func (p Table) Names() []string {
	names := make([]string, len(p))
	for i, row := range p {
		names[i] = row.Name
	}
	return names
}

// ofIntegration adapts an integration.
func ofIntegration(name string, integration Integration) (Provider, bool) {
	if integration == nil {
		return Provider{}, false
	}
	p := Provider{Name: name, Unpublished: true}
	if m := integration.Manifest(); m != nil {
		if m.Webhook == nil {
			return Provider{}, false
		}
		p.Unpublished, p.SecretField, p.EventTypes = false, m.Webhook.SecretField, m.Webhook.EventTypes
		p.Methods, p.SignsURL, p.FetchAction = m.Webhook.Methods, m.Webhook.SignsURL, m.Webhook.FetchAction
		p.ListsEvents, p.SyncsEndpoints = m.Webhook.ListsEvents, m.Webhook.SyncsEndpoints
	}
	if verifier, ok := integration.(sdk.WebhookVerifier); ok {
		p.Verify = func(ctx context.Context, request sdk.WebhookRequest) (Verified, error) {
			event, err := verifier.VerifyWebhook(ctx, request)
			return verifiedOf(event, request.Body), err
		}
	}
	if sampler, ok := integration.(sdk.WebhookSampler); ok {
		p.Sample = sampler.SampleWebhook
	}
	if lister, ok := integration.(sdk.EventLister); ok && p.ListsEvents {
		p.List = lister.ListEvents
	}
	if syncer, ok := integration.(sdk.EndpointSyncer); ok && p.SyncsEndpoints {
		p.SyncEndpoint = syncer.SyncEndpoint
	}
	return p, true
}

// verifiedOf is what an integration says of a request with the body.
func verifiedOf(event sdk.WebhookEvent, body []byte) Verified {
	v := Verified{ID: event.ID, Type: event.Type, Livemode: event.Livemode, Flags: event.Flags, Payload: event.Payload}
	if event.Reply != nil {
		v.Reply = &Reply{ContentType: event.Reply.ContentType, Body: event.Reply.Body}
	}
	if event.IDUnsigned {
		v.Content = body
	}
	return v
}

// newSecret makes a secret of 256 random bits, in the form of Stripe's.
func newSecret() string {
	return standardSecret + base64.RawURLEncoding.EncodeToString(randomBytes(32))
}
