package sdk

import (
	"context"
	"encoding/json"
	"time"
)

// WebhookVerifier is implemented by plugins whose Manifest.Webhook is set.
type WebhookVerifier interface {
	// VerifyWebhook checks a received request. A request that is not genuine, or of
	// which no event can be read, is refused with a *WebhookRefusal error; any other
	// error means that the check could not be made.
	VerifyWebhook(ctx context.Context, request WebhookRequest) (WebhookEvent, error)
}

// WebhookSampler is implemented by plugins that can make a signed sample event.
type WebhookSampler interface {
	// SampleWebhook makes a request that VerifyWebhook accepts.
	SampleWebhook(ctx context.Context, request SampleRequest) (Sample, error)
}

// WebhookRequest is a received webhook, as it came.
type WebhookRequest struct {
	// Method is that of the request; empty is POST.
	Method string
	// Headers has canonical names (net/textproto).
	Headers map[string][]string
	// Body is the raw body: signatures are computed over it.
	Body []byte
	// URL is the address that the sender used: the whole of it where the config says
	// by what address the gateway is known, else its path and query alone.
	URL string
	// Secrets are tried in order: the new one and the old one during rotation.
	// Never empty, and no secret is empty.
	Secrets []string
	// Now is the time to judge the age of a signature by.
	Now time.Time
	// Tolerance is how far a signature's time may be from Now, both ways.
	Tolerance time.Duration
}

// WebhookEvent is a verified event.
type WebhookEvent struct {
	// ID is the sender's id of the event: a repeat has the same. An event without one
	// that has a Reply is none, such as a challenge: it is replied to, and nothing is
	// kept.
	ID string `json:"id"`
	// IDUnsigned says that the sender signs the body and not the id: the same body under
	// another id is then a repeat too.
	IDUnsigned bool `json:"idUnsigned,omitempty"`
	// Type is the sender's word for what happened.
	Type string `json:"type"`
	// Livemode says whether it happened to real things, or in the vendor's mode for
	// tests. Nil: the sender has no modes.
	Livemode *bool `json:"livemode,omitempty"`
	// Flags say in one word each what is odd about a genuine event, such as FlagLivemode.
	// The event is kept, and counts as any other.
	Flags []string `json:"flags,omitempty"`
	// Payload is what the actions get, JSON. Empty: the body itself, which is JSON then.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Reply is what the sender expects, unless the webhook has a response of its own for
	// events. Nil: the gateway's own response.
	Reply *WebhookReply `json:"-"`
}

// WebhookReply is the body of the response, with status 200, to a sender.
type WebhookReply struct {
	// ContentType is a media type.
	ContentType string
	// Body has at most MaxWebhookReply bytes.
	Body []byte
}

// MaxWebhookReply is how many bytes a WebhookReply has at most.
const MaxWebhookReply = 64 << 10

// FlagLivemode is the flag of an event of another mode than that of the plugin's
// credentials.
const FlagLivemode = "livemode"

// WebhookRefusal says why a webhook is refused. The reason names neither secret nor
// computed signature.
type WebhookRefusal struct {
	Reason string
	// Genuine says that the signature holds, and that no event can be read from the
	// request all the same. Otherwise it is not genuine, as far as is known.
	Genuine bool
}

// Error returns the reason.
func (r *WebhookRefusal) Error() string { return "webhook refused: " + r.Reason }

// SampleRequest asks for a signed sample event.
type SampleRequest struct {
	EventType string
	// Set overrides fields of the sample: dotted paths such as
	// "data.object.amount" to JSON values.
	Set    map[string]string
	Secret string
	Now    time.Time
	// Chain asks for a life cycle that has this event in it. The sample is then the
	// last event of it, mostly this one; what comes before is in Sample.Before. Set
	// overrides fields of this event alone.
	Chain bool
	// URL is the address that the gateway takes the sample to be sent to, for senders
	// that sign it: a whole URL; empty where unknown. A plugin gets none.
	URL string
}

// Sample is a signed sample event, ready to be sent by POST.
type Sample struct {
	Headers map[string]string
	Body    []byte
	// Before are the events before this one, the oldest first, if SampleRequest.Chain
	// asks for them. They have no Before of their own.
	Before []Sample
}
