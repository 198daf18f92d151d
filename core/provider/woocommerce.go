package provider

import (
	"bytes"
	"context"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// woocommerce signs the body alone, and sends no time:
// https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/.
var woocommerce = scheme{
	name: "woocommerce", page: "https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/",
	header: "X-WC-Webhook-Signature", algorithm: hmacSHA256, encoding: inBase64,
	id: inHeader("X-WC-Webhook-Delivery-ID"), kind: inHeader("X-WC-Webhook-Topic"),
}

// woocommerceProvider replies to the request by which a shop tries an address when a
// webhook is saved: webhook_id=N as a form, without a signature. It is no event, and
// nothing is stored of it.
func woocommerceProvider() Provider {
	p := woocommerce.provider()
	verify := p.Verify
	p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
		verified, err := verify(ctx, received)
		r := &request{received}
		if _, signed := r.header(woocommerce.header); err != nil && !signed {
			number, ping := bytes.CutPrefix(r.Body, []byte("webhook_id="))
			if ping && len(number) > 0 && len(number) < 20 && strings.Trim(string(number), "0123456789") == "" {
				return Verified{Reply: &Reply{ContentType: "text/plain", Body: []byte("ok")}}, nil
			}
		}
		return verified, err
	}
	return p
}
