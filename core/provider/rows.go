package provider

// rows are the providers of which a scheme says everything, by their names.
var rows = []scheme{
	{
		// X-Request-UUID is of Bitbucket Cloud, X-Request-Id of Bitbucket Data Center:
		// https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html.
		name: "bitbucket", page: "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
		header: "X-Hub-Signature", prefix: "sha256=", algorithm: hmacSHA256, encoding: inHex,
		id: inHeader("X-Request-UUID").or(inHeader("X-Request-Id")), kind: inHeader("X-Event-Key"),
	},
	{
		// The id of a webhook's event is not part of what Calendly sends; it repeats one
		// with the same body.
		name: "calendly", page: "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
		header: "Calendly-Webhook-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex,
		content: signedAs("{timestamp}.{body}"), timestamp: source{header: "Calendly-Webhook-Signature", prefix: "t="}, timeFormat: inSeconds,
		id: ofBody(), kind: inPayload("event"),
	},
	{
		// A repeat has another retryCount, so that its bytes differ:
		// https://developers.docusign.com/platform/webhooks/connect/json-sim-event-model/.
		name: "docusign", page: "https://developers.docusign.com/platform/webhooks/connect/hmac/",
		header: "X-DocuSign-Signature-1", algorithm: hmacSHA256, encoding: inBase64,
		id: inPayload("event", "data.envelopeId", "generatedDateTime"), kind: inPayload("event"),
	},
	{
		// https://developers.intercom.com/docs/references/webhooks/webhook-models is the page
		// on id and topic. Whether a URL is served, Intercom asks by HEAD.
		name: "intercom", page: "https://developers.intercom.com/docs/webhooks/webhook-notifications",
		header: "X-Hub-Signature", prefix: "sha1=", algorithm: hmacSHA1, encoding: inHex,
		id: inPayload("id"), kind: inPayload("topic"), head: true,
	},
	{
		name: "linear", page: "https://linear.app/developers/webhooks",
		header: "Linear-Signature", algorithm: hmacSHA256, encoding: inHex,
		timestamp: inPayload("webhookTimestamp"), timeFormat: inMilliseconds,
		id: inHeader("Linear-Delivery"), kind: inPayload("type"), action: "action",
	},
	{
		name: "typeform", page: "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
		header: "Typeform-Signature", prefix: "sha256=", algorithm: hmacSHA256, encoding: inBase64,
		id: inPayload("event_id"), kind: inPayload("event_type"),
	},
}
