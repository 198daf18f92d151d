package provider

import (
	"context"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// xero signs the body alone: https://developer.xero.com/documentation/guides/webhooks/overview/.
// A request has several events, which have no ids.
var xero = scheme{
	name: "xero", page: "https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
	header: "X-Xero-Signature", algorithm: hmacSHA256, payload: jsonBody, encoding: inBase64,
	id: ofBody(), kind: computed("eventCategory and eventType of the body's events, as in INVOICE.UPDATE", func(_ *request, payload value.Doc) (string, bool) {
		return batchType(eventsOf(payload, "events"), "eventCategory", "eventType"), true
	}),
}

// xeroProvider replies to the "intent to receive", by which Xero tries an address:
// requests without events, some of which are signed with another key. It takes 200 for
// the first and 401, and no other status, for the others:
// https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/#intent-to-receive.
func xeroProvider() Provider {
	p := xero.provider()
	verify := p.Verify
	p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
		verified, err := verify(ctx, received)
		if err == nil && verified.Type == "" { // there is no event in it
			return Verified{Reply: &Reply{ContentType: "text/plain"}}, nil
		}
		if err != nil {
			r := &request{received}
			if payload, parseErr := r.challengeBody(); parseErr == nil && len(eventsOf(payload, "events")) == 0 {
				return Verified{}, unauthorized(err)
			}
		}
		return verified, err
	}
	return p
}
