package provider

import "net/http"

// meta is Facebook, Instagram and WhatsApp:
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started. Signed is the
// body alone, with the app's secret. An event has no id; its body has a time. Before the
// first event Meta shows by GET the verify token that was given to it.
func meta() Provider {
	return scheme{
		name: "meta", page: "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
		header: "X-Hub-Signature-256", prefix: "sha256=", algorithm: hmacSHA256, encoding: inHex,
		id: ofBody(), kind: inPayload("object"),
	}.provider().WithChallenge(Challenge{Method: http.MethodGet, Param: "hub.challenge", Tokened: true})
}
