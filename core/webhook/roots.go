package webhook

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk/value"
)

// eventRoot is what {{event}} stands for.
type eventRoot struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Webhook    string `json:"webhook"`
	ReceivedAt string `json:"receivedAt"`
	// Livemode is null where the sender has no modes.
	Livemode *bool    `json:"livemode"`
	Flags    []string `json:"flags"`
}

// roots are what the actions' templates and conditions see. They are stored
// with the run.
func roots(e event.Event, payload value.Doc, headers http.Header, query url.Values) map[string]value.Doc {
	// It marshals for certain: it has nothing but strings, true and false.
	about, _ := json.Marshal(eventRoot{
		ID: e.ID, Type: e.Type, Webhook: e.Webhook, ReceivedAt: e.ReceivedAt.Format(event.TimeFormat),
		Livemode: e.Livemode, Flags: append([]string{}, e.Flags...),
	})
	return map[string]value.Doc{
		"payload": payload, "event": value.TrustedDoc(about), "headers": headersRoot(headers), "query": queryRoot(query),
	}
}

// headersRoot is what {{headers}} stands for.
func headersRoot(headers http.Header) value.Doc {
	root, _ := json.Marshal(publicHeaders(headers)) // it has nothing but strings
	return value.TrustedDoc(root)
}

// queryRoot is what {{query}} stands for. A name that was given several times has its
// values joined as those of a header are.
func queryRoot(query url.Values) value.Doc {
	if len(query) == 0 {
		return value.TrustedDoc([]byte("{}"))
	}
	joined := make(map[string]string, len(query))
	for name, values := range query {
		joined[strings.ToValidUTF8(name, "\ufffd")] = strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
	}
	root, _ := json.Marshal(joined)
	return value.TrustedDoc(root)
}

// secretWords mark headers that authenticate the sender, by a part of their
// lower-case name. They are not stored, so that a reader of the run cannot send
// in the sender's name.
var secretWords = [...]string{
	"signature", "hmac", "auth", "token", "secret", "cookie", "password", "credential", "api-key", "apikey",
}

// publicHeaders are the headers by lower-case name, without the secret ones. A
// header that came several times has its values joined (RFC 9110 section 5.3).
func publicHeaders(headers http.Header) map[string]string {
	public := make(map[string]string, len(headers))
	for name, values := range headers {
		name = strings.ToLower(name)
		if !isSecret(name) {
			public[name] = strings.Join(values, ", ")
		}
	}
	return public
}

func isSecret(name string) bool {
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
