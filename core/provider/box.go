package provider

import (
	"context"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// box signs the body followed by the time, once with each of an app's two keys, in a
// header for each: https://developer.box.com/guides/webhooks/v2/signatures-v2/.
func box(header string) scheme {
	return scheme{
		name: "box", page: "https://developer.box.com/guides/webhooks/v2/signatures-v2/",
		header: header, algorithm: hmacSHA256, payload: jsonBody, encoding: inBase64, content: signedAs("{body}{timestamp}"),
		timestamp: inHeader("Box-Delivery-Timestamp"), timeFormat: inRFC3339, kind: inPayload("trigger"),
		id: computed("id of the body, else the digest of the body", func(r *request, payload value.Doc) (string, bool) {
			if id, ok := at(payload, "id"); ok {
				return id, true
			}
			return digest(r.Body), true
		}),
	}
}

// boxProvider takes what is signed with either key: while one of them is replaced, the
// other holds.
func boxProvider() Provider {
	primary, secondary := box("Box-Signature-Primary"), box("Box-Signature-Secondary")
	p := primary.provider()
	p.Headers = append(p.Headers, secondary.header)
	first, second := p.Verify, secondary.provider().Verify
	p.Verify = func(ctx context.Context, request sdk.WebhookRequest) (Verified, error) {
		verified, err := first(ctx, request)
		if err == nil {
			return verified, nil
		}
		if verified, otherErr := second(ctx, request); otherErr == nil {
			return verified, nil
		}
		return Verified{}, err
	}
	return p
}
