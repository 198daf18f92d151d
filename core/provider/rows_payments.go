package provider

import "github.com/backflow/backflow/sdk/value"

// paymentRows are the rows of vendors of payments and shops.
var paymentRows = []scheme{
	{
		// paddle: several h1 may stand in the header while a secret is replaced.
		name: "paddle", page: "https://developer.paddle.com/webhooks/signature-verification",
		header: "Paddle-Signature", prefix: "h1=", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}:{body}"),
		timestamp: source{header: "Paddle-Signature", prefix: "ts="}, timeFormat: inSeconds, id: inPayload("event_id"), kind: inPayload("event_type"),
		payload: jsonBody,
	},
	{
		name: "lemonsqueezy", page: "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
		header: "X-Signature", algorithm: hmacSHA256, encoding: inHex, id: ofBody(), kind: inPayload("meta.event_name"),
		payload: jsonBody,
	},
	{
		name: "square", page: "https://developer.squareup.com/docs/webhooks/step3validate",
		header: "X-Square-Hmacsha256-Signature", algorithm: hmacSHA256, encoding: inBase64, content: signedAs("{url}{body}"),
		id: inPayload("event_id"), kind: inPayload("type"),
		payload: jsonBody,
	},
	{
		// razorpay: the id is in a header that is not signed
		// (https://razorpay.com/docs/webhooks/validate-test/#idempotency).
		name: "razorpay", page: "https://razorpay.com/docs/webhooks/validate-test/",
		header: "X-Razorpay-Signature", algorithm: hmacSHA256, encoding: inHex, id: inHeader("X-Razorpay-Event-Id"), kind: inPayload("event"),
		payload: jsonBody,
	},
	{
		// paystack signs with the secret key of the account.
		name: "paystack", page: "https://paystack.com/docs/payments/webhooks/",
		header: "X-Paystack-Signature", algorithm: hmacSHA512, encoding: inHex, id: ofBody(), kind: inPayload("event"),
		payload: jsonBody,
	},
	{
		// gocardless sends up to 250 events in one request.
		name: "gocardless", page: "https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks/",
		header: "Webhook-Signature", algorithm: hmacSHA256, encoding: inHex,
		id: computed("meta.webhook_id of the body, else the digest of the body", func(r *request, payload value.Doc) (string, bool) {
			if id, ok := at(payload, "meta.webhook_id"); ok {
				return id, true
			}
			return digest(r.Body), true
		}),
		kind: computed("resource_type and action of the body's events, as in payments.confirmed", func(_ *request, payload value.Doc) (string, bool) {
			return batchType(eventsOf(payload, "events"), "resource_type", "action"), true
		}),
		payload: jsonBody,
	},
	{
		name: "coinbase-commerce", page: "https://docs.cdp.coinbase.com/commerce/introduction/webhooks",
		header: "X-CC-Webhook-Signature", algorithm: hmacSHA256, encoding: inHex, id: inPayload("event.id"), kind: inPayload("event.type"),
		payload: jsonBody,
	},
	{
		name: "airwallex", page: "https://www.airwallex.com/docs/developer-tools/webhooks/listen-for-webhook-events",
		header: "X-Signature", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}{body}"),
		timestamp: inHeader("X-Timestamp"), timeFormat: inMilliseconds, id: inPayload("id"), kind: inPayload("name"),
		payload: jsonBody,
	},
}
