package provider

import (
	"net/http"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// dropbox signs the body alone, with the app's secret:
// https://www.dropbox.com/developers/reference/webhooks. A notification says no more than
// whose files changed: it has neither id nor time, and two changes of one account are the
// same bytes. So each is an event of its own, known by when it was received; a repeat reads
// the same files again.
func dropbox() Provider {
	p := scheme{
		name: "dropbox", page: "https://www.dropbox.com/developers/reference/webhooks",
		header: "X-Dropbox-Signature", algorithm: hmacSHA256, encoding: inHex,
		id: ofBody(), finish: func(_ scheme, r *request, payload value.Doc, verified *Verified) {
			verified.ID += "/" + r.Now.UTC().Format(time.RFC3339Nano)
			if object, ok := payload.Value().(map[string]any); ok && object["list_folder"] != nil {
				verified.Type = "list_folder"
			}
		},
	}.provider().WithChallenge(Challenge{Method: http.MethodGet, Param: "challenge"})
	p.EventID += " and the time at which it came"
	return p
}
