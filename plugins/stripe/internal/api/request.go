package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
)

// clientUserAgent tells Stripe's support which library sent a request. stripe-go would
// run "uname -a" and send the machine's name.
const clientUserAgent = `{"application":{"name":"Backflow"},"bindings_version":"76.25.0","lang":"go","publisher":"stripe"}`

const clientUserAgentHeader = "X-Stripe-Client-User-Agent"

// commonHeaders are those of every request. They are never changed.
var commonHeaders = http.Header{clientUserAgentHeader: {clientUserAgent}}

// headers are those that stripe-go would not set, or to something else.
func (r *Request) headers() http.Header {
	if r.Version == "" && r.Context == "" {
		return commonHeaders
	}
	headers := http.Header{clientUserAgentHeader: {clientUserAgent}}
	if r.Version != "" {
		headers["Stripe-Version"] = []string{r.Version}
	}
	if r.Context != "" {
		headers["Stripe-Context"] = []string{r.Context}
	}
	return headers
}

// v2 is what the paths of the second part of the API begin with
// (https://docs.stripe.com/api-v2-overview).
const v2 = "/v2/"

// keyed reports whether Stripe honours an idempotency key
// (https://docs.stripe.com/api/idempotent_requests).
func (r *Request) keyed() bool {
	return r.Method == http.MethodPost || r.Method == http.MethodDelete && strings.HasPrefix(r.Path, v2)
}

// build makes the request of net/http. A param that no header can hold is a
// *form.Fault.
func (c *Client) build(ctx context.Context, request Request) (*http.Request, error) {
	if !isHeaderValue(request.Account) {
		return nil, &form.Fault{Pointer: "/stripeAccount", Message: notHeaderValue}
	}
	if !isHeaderValue(request.Context) {
		return nil, &form.Fault{Pointer: "/stripeContext", Message: notHeaderValue}
	}
	path := request.Path
	if len(request.Query) > 0 {
		path += "?" + string(form.Encode(request.Query))
	}
	contentType := request.Body.contentType
	switch {
	case contentType != "":
	case strings.HasPrefix(request.Path, v2):
		contentType = jsonType // without a body too: nothing else is taken there
	default:
		contentType = formType
	}
	params := &stripe.Params{Context: ctx, Headers: request.headers()}
	if request.IdempotencyKey != "" {
		params.IdempotencyKey = &request.IdempotencyKey
	}
	if request.Account != "" {
		params.StripeAccount = &request.Account
	}
	host := c.api
	if request.Files {
		host = c.files
	}
	made, err := host.NewRequest(request.Method, path, c.key, contentType, params)
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}
	if !request.keyed() {
		delete(made.Header, keyHeader)
	}
	sendOnce(made, request.Body.content)
	return made, nil
}

const notHeaderValue = "is not an id: it holds a space or what is not ASCII"

// isHeaderValue reports whether a text is visible ASCII: other ones are changed or
// refused on their way.
func isHeaderValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

const keyHeader = "Idempotency-Key"

// sendOnce gives a request its body, such that net/http cannot send it a second time:
// when a kept connection breaks, it repeats what has no body, or a body that it can get
// again, if the method is GET or there is an Idempotency-Key.
func sendOnce(request *http.Request, body []byte) {
	switch {
	case len(body) > 0 || request.Method == http.MethodGet:
		// An empty body is one too. It is sent as none.
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.ContentLength = int64(len(body))
	case request.Header[keyHeader] != nil:
		// Of a POST it would be sent in chunks. net/http looks for the name as it
		// writes it itself; to a server all are the same.
		request.Header[strings.ToLower(keyHeader)] = request.Header[keyHeader]
		delete(request.Header, keyHeader)
	}
}
