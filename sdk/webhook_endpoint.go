package sdk

import (
	"context"
	"errors"
	"fmt"
)

// EndpointSyncer is implemented by plugins that can register the address of a webhook
// at their vendor. It goes with WebhookCapability.SyncsEndpoints.
type EndpointSyncer interface {
	// SyncEndpoint compares what the vendor has with what the request wants, and with
	// Apply makes it so. It changes and deletes nothing that it has not registered
	// itself for the same webhook or that has another address, and makes no second
	// endpoint beside one that it can change.
	SyncEndpoint(ctx context.Context, request SyncEndpointRequest) (EndpointSync, error)
}

// SyncEndpointRequest says where the events of a webhook are to be sent.
type SyncEndpointRequest struct {
	// Webhook is the webhook's name in the config.
	Webhook string `json:"webhook"`
	// URL is its public address.
	URL string `json:"url"`
	// Types are patterns of the types that are wanted: "*" matches any run of
	// characters. Empty: all.
	Types []string `json:"types,omitempty"`
	// Apply makes the changes. Without it the plugin only says what they would be.
	Apply bool `json:"apply,omitempty"`
	// IdempotencyKey identifies the change: the same key comes again where an outcome
	// was unknown. Visible ASCII, at most 255 bytes; empty without Apply.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
}

// EndpointSync is what is done, or would be, to the vendor's endpoint.
type EndpointSync struct {
	Action EndpointAction `json:"action"`
	// ID is the vendor's id of the endpoint; empty for one that is not made yet.
	ID  string `json:"id,omitempty"`
	URL string `json:"url"`
	// Types are the types of events that the vendor sends there, in its own words.
	Types []string `json:"types"`
	// Version is that of the vendor's API which the events have, where it has any.
	Version string `json:"version,omitempty"`
	// Changes are what an update changes.
	Changes []EndpointChange `json:"changes,omitempty"`
	// Notes are sentences for the operator, such as what has to be done by hand.
	Notes []string `json:"notes,omitempty"`
	// Secret is what the vendor signs with, where it has returned it: mostly once, when
	// it makes the endpoint. Empty without Apply.
	Secret string `json:"secret,omitempty"`
}

// EndpointAction is what is done to an endpoint.
type EndpointAction string

// The actions.
const (
	EndpointCreate EndpointAction = "create"
	EndpointUpdate EndpointAction = "update"
	EndpointKeep   EndpointAction = "keep"
)

// EndpointChange is a field of an endpoint, in the vendor's words, that becomes another.
type EndpointChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// MaxEndpointTexts is how many types, changes and notes an EndpointSync has at most, each.
const MaxEndpointTexts = 2000

// Check returns what is wrong with what a plugin has returned.
func (r SyncEndpointRequest) Check(sync EndpointSync) error {
	switch sync.Action {
	case EndpointCreate, EndpointUpdate, EndpointKeep:
	default:
		return fmt.Errorf("the action %q is not one of create, update and keep", sync.Action)
	}
	switch {
	case sync.URL != r.URL:
		return errors.New("its address is not the one that was asked for")
	case sync.Secret != "" && !r.Apply:
		return errors.New("it has a secret, and nothing was to be made")
	case r.Apply && sync.ID == "":
		return errors.New("it has no id")
	case max(len(sync.Types), len(sync.Changes), len(sync.Notes)) > MaxEndpointTexts:
		return fmt.Errorf("it has more than %d types, changes or notes", MaxEndpointTexts)
	}
	return nil
}

// SyncEndpoint asks Webhook.Sync; without one nothing can be registered.
func (p *integration) SyncEndpoint(ctx context.Context, request SyncEndpointRequest) (EndpointSync, error) {
	if p.webhook == nil || p.webhook.Sync == nil {
		return EndpointSync{}, notImplemented("SyncEndpoint")
	}
	return p.webhook.Sync(ctx, request)
}
