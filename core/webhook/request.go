package webhook

import (
	"net/http"
	"net/url"
	"strings"
)

// Request is what came to the path of a webhook.
type Request struct {
	// Method is that of the request; empty is POST.
	Method string
	Header http.Header
	// Body is the raw body. It is kept and must not change any more.
	Body []byte
	// URL is the address that the sender used, as far as the gateway knows it for
	// certain: with scheme and host if the config gives them, else the path and query
	// alone. Those of the request itself are what any sender claims.
	URL string
	// Client is the address of the client, empty where unknown.
	Client string
}

// query returns the query. Parts of it that cannot be read are left out.
func (r *Request) query() url.Values {
	_, raw, _ := strings.Cut(r.URL, "?")
	values, _ := url.ParseQuery(raw) // returns what it could read beside the first error
	return values
}
