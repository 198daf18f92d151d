package provider

import "github.com/backflow/backflow/sdk/value"

// platformRows are the rows of vendors of platforms, of operations and of messages.
var platformRows = []scheme{
	{
		name: "sentry", page: "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
		header: "Sentry-Hook-Signature", algorithm: hmacSHA256, encoding: inHex, id: inHeader("Request-ID"), kind: inHeader("Sentry-Hook-Resource"), action: "action",
		payload: jsonBody,
	},
	{
		name: "vercel", page: "https://vercel.com/docs/webhooks/webhooks-api#securing-webhooks",
		header: "X-Vercel-Signature", algorithm: hmacSHA1, encoding: inHex, id: inPayload("id"), kind: inPayload("type"),
		payload: jsonBody,
	},
	{
		// circleci: no other version than v1 is taken, as the page advises.
		name: "circleci", page: "https://circleci.com/docs/guides/integration/outbound-webhooks/#validate-webhooks",
		header: "Circleci-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex, id: inPayload("id"), kind: inPayload("type"),
		payload: jsonBody,
	},
	{
		// pagerduty: several v1 stand in the header while a secret is replaced.
		name: "pagerduty", page: "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
		header: "X-PagerDuty-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex, id: inPayload("event.id"), kind: inPayload("event.event_type"),
		payload: jsonBody,
	},
	{
		name: "buildkite", page: "https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature",
		header: "X-Buildkite-Signature", prefix: "signature=", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}.{body}"),
		timestamp: source{header: "X-Buildkite-Signature", prefix: "timestamp="}, timeFormat: inSeconds, id: ofBody(), kind: inPayload("event"),
		payload: jsonBody,
	},
	{
		name: "launchdarkly", page: "https://launchdarkly.com/docs/home/infrastructure/webhooks",
		header: "X-LD-Signature", algorithm: hmacSHA256, encoding: inHex, id: inPayload("_id"), kind: inPayload("kind"),
		payload: jsonBody,
	},
	{
		name: "heroku", page: "https://devcenter.heroku.com/articles/app-webhooks#securing-webhook-requests",
		header: "Heroku-Webhook-Hmac-SHA256", algorithm: hmacSHA256, encoding: inBase64, id: inPayload("webhook_metadata.event.id"), kind: inPayload("webhook_metadata.event.include"),
		payload: jsonBody,
	},
	{
		name: "workos", page: "https://workos.com/docs/events/data-syncing/webhooks",
		header: "WorkOS-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}.{body}"),
		timestamp: source{header: "WorkOS-Signature", prefix: "t="}, timeFormat: inMilliseconds, id: inPayload("id"), kind: inPayload("event"),
		payload: jsonBody,
	},
	{
		name: "mux", page: "https://www.mux.com/docs/core/verify-webhook-signatures",
		header: "Mux-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}.{body}"),
		timestamp: source{header: "Mux-Signature", prefix: "t="}, timeFormat: inSeconds, id: inPayload("id"), kind: inPayload("type"),
		payload: jsonBody,
	},
	{
		name: "webflow", page: "https://developers.webflow.com/data/docs/working-with-webhooks#validating-request-signatures",
		header: "X-Webflow-Signature", algorithm: hmacSHA256, encoding: inHex, content: signedAs("{timestamp}:{body}"),
		timestamp: inHeader("X-Webflow-Timestamp"), timeFormat: inMilliseconds, id: ofBody(), kind: inPayload("triggerType"),
		payload: jsonBody,
	},
	{
		// zendesk: the id is in a header that is not signed.
		name: "zendesk", page: "https://developer.zendesk.com/documentation/webhooks/verifying/",
		header: "X-Zendesk-Webhook-Signature", algorithm: hmacSHA256, encoding: inBase64, content: signedAs("{timestamp}{body}"),
		timestamp: inHeader("X-Zendesk-Webhook-Signature-Timestamp"), timeFormat: inRFC3339, id: inHeader("X-Zendesk-Webhook-Invocation-Id"), kind: inPayload("type"),
		payload: jsonBody,
	},
	{
		// pusher sends several events in one request.
		name: "pusher", page: "https://pusher.com/docs/channels/server_api/webhooks/#authentication",
		header: "X-Pusher-Signature", algorithm: hmacSHA256, encoding: inHex, id: ofBody(),
		kind: computed("name of the body's events", func(_ *request, payload value.Doc) (string, bool) {
			return batchType(eventsOf(payload, "events"), "name"), true
		}),
		payload: jsonBody,
	},
	{
		// line sends several events in one request, and one without events to try an address. An
		// event that is sent again has the same webhookEventId in another body
		// (https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects).
		name: "line", page: "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
		header: "X-Line-Signature", algorithm: hmacSHA256, encoding: inBase64,
		id: computed("webhookEventId of the body's event; of several the digest of these, of none that of the body", func(r *request, payload value.Doc) (string, bool) {
			if id, ok := batchID(eventsOf(payload, "events"), "webhookEventId"); ok {
				return id, true
			}
			return digest(r.Body), true
		}),
		kind: computed("type of the body's events", func(_ *request, payload value.Doc) (string, bool) {
			return batchType(eventsOf(payload, "events"), "type"), true
		}),
		payload: jsonBody,
	},
	{
		name: "calcom", page: "https://cal.com/docs/developing/guides/automation/webhooks",
		header: "X-Cal-Signature-256", algorithm: hmacSHA256, encoding: inHex, id: ofBody(), kind: inPayload("triggerEvent"),
		payload: jsonBody,
	},
}
