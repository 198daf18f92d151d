package provider

// shopify signs the body alone, with HMAC-SHA256 in base64:
// https://shopify.dev/docs/apps/build/webhooks/subscribe/https#step-2-validate-the-origin-of-your-webhook-to-ensure-its-coming-from-shopify.
// It sends no time that is signed. Several topics may report one action of a merchant with
// the same X-Shopify-Event-Id, so that X-Shopify-Webhook-Id is the id of an event; a repeat
// under another one has the same bytes.
var shopify = scheme{
	name: "shopify", page: "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
	header: "X-Shopify-Hmac-Sha256", algorithm: hmacSHA256, encoding: inBase64,
	id: inHeader("X-Shopify-Webhook-Id").or(inHeader("X-Shopify-Event-Id")), kind: inHeader("X-Shopify-Topic"),
}
