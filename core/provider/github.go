package provider

// github signs the body alone, with HMAC-SHA256:
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
// It sends no time, and the id of a delivery is not signed:
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers.
// By the setting of the webhook the body is JSON, or a form with JSON in its field
// payload. A ping is an event like others.
var github = scheme{
	name: "github", page: "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
	header: "X-Hub-Signature-256", prefix: "sha256=", algorithm: hmacSHA256, encoding: inHex,
	id: inHeader("X-GitHub-Delivery"), kind: inHeader("X-GitHub-Event"), action: "action", jsonField: "payload",
}
