package provider

import (
	"encoding/json"

	"github.com/backflow/backflow/sdk/value"
)

// zoomScheme is how Zoom signs:
// https://developers.zoom.us/docs/api/webhooks/#verify-with-zooms-header. An event has no
// id; its body has the time in milliseconds at which it happened.
var zoomScheme = scheme{
	name: "zoom", page: "https://developers.zoom.us/docs/api/webhooks/",
	header: "X-Zm-Signature", prefix: "v0=", algorithm: hmacSHA256, encoding: inHex,
	content: signedAs("v0:{timestamp}:{body}"), timestamp: inHeader("X-Zm-Request-Timestamp"), timeFormat: inSeconds,
	id: ofBody(), kind: inPayload("event"), finish: finishZoom,
}

// finishZoom replies to endpoint.url_validation
// (https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint) with the
// HMAC of the token that Zoom sends, by the secret by which the request is signed.
func finishZoom(s scheme, r *request, payload value.Doc, verified *Verified) {
	token, ok := at(payload, "payload.plainToken")
	if verified.Type != "endpoint.url_validation" || !ok {
		return
	}
	for _, secret := range r.Secrets {
		tried := *r
		tried.Secrets = []string{secret}
		if _, err := s.check(&tried); err != nil {
			continue
		}
		body, err := json.Marshal(map[string]string{
			"plainToken": token, "encryptedToken": inHex.encode(hmacSHA256.mac([]byte(secret), []byte(token))),
		})
		if err == nil {
			*verified = Verified{Reply: &Reply{ContentType: "application/json", Body: body}}
		}
		return
	}
}
