package provider

// rows are the providers of which a scheme says everything, by their names.
var rows = []scheme{
	{
		// The id of a webhook's event is not part of what Calendly sends; it repeats one
		// with the same body.
		name: "calendly", page: "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
		header: "Calendly-Webhook-Signature", prefix: "v1=", algorithm: hmacSHA256, encoding: inHex,
		content: signedAs("{timestamp}.{body}"), timestamp: source{header: "Calendly-Webhook-Signature", prefix: "t="}, timeFormat: inSeconds,
		id: ofBody(), kind: inPayload("event"),
	},
	{
		// https://developers.intercom.com/docs/references/webhooks/webhook-models is the page
		// on id and topic.
		name: "intercom", page: "https://developers.intercom.com/docs/webhooks/webhook-notifications",
		header: "X-Hub-Signature", prefix: "sha1=", algorithm: hmacSHA1, encoding: inHex,
		id: inPayload("id"), kind: inPayload("topic"),
	},
}
