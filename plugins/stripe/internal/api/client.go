// Package api sends one request to Stripe and says what is known of its
// outcome. It goes through stripe-go's backend with everything switched off
// that would act behind the caller's back: no retries, no telemetry, no
// redirects, no log. What comes back is Stripe's own bytes, or an *sdk.Error.
//
// It knows Stripe's HTTP and nothing of single actions.
//
// The package imports plugins/stripe/internal/form, sdk and sdk/pointer.
package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	stripeform "github.com/stripe/stripe-go/v76/form"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// DefaultTimeout bounds a call whose caller gives no deadline. It is that of
// stripe-go: some of Stripe's own responses take the better part of a minute.
const DefaultTimeout = 80 * time.Second

// Client calls Stripe with one secret key. It is safe for concurrent use.
type Client struct {
	backend   stripe.Backend
	transport *http.Transport
	key       string
	now       func() time.Time
}

// Request is one call of the API.
type Request struct {
	Method string
	// Path is made by Path.
	Path   string
	Fields []form.Field
	// IdempotencyKey is sent where the method writes. When it is empty a random
	// one is sent, which is never used again.
	IdempotencyKey string
	// Account is the connected account to act for, or empty.
	Account string
}

// New returns a client for the API at base, without a path, such as
// "https://api.stripe.com"; empty means just that.
func New(key, base string) *Client {
	if base == "" {
		base = stripe.APIURL
	}
	transport := newTransport()
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(strings.TrimRight(base, "/")),
		HTTPClient: &http.Client{
			Transport: &recorder{next: transport},
			// A redirect could carry the request elsewhere, and be a second one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// The caller repeats, once and in one place. stripe-go would also
		// ignore Retry-After, and sleep on after the context has ended.
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		// Its log lines hold pieces of bodies.
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	return &Client{backend: backend, transport: transport, key: key, now: time.Now}
}

// Close closes idle connections. Calls under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Path joins parts to a path below /v1, each escaped. A part that is empty,
// "." or "..", or that holds a slash or a control character, is an error: it
// would name another object than the caller meant.
func Path(parts ...string) (string, error) {
	var path strings.Builder
	path.WriteString("/v1")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool {
			return r == '/' || r == '\\' || r < ' ' || r == 0x7f
		}) {
			return "", fmt.Errorf("%q is not an id", part)
		}
		path.WriteString("/")
		path.WriteString(url.PathEscape(part))
	}
	return path.String(), nil
}

// Do sends a request once and returns the body of a successful response, byte
// for byte. Every error is an *sdk.Error. The context bounds the call; without
// a deadline DefaultTimeout does.
func (c *Client) Do(ctx context.Context, request Request) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	ctx, seen := record(ctx)

	values := &stripeform.Values{}
	for _, field := range request.Fields {
		values.Add(field.Name, field.Value)
	}
	params := &stripe.Params{
		Context: ctx,
		// stripe-go would run "uname -a" and send the machine's name.
		Headers: http.Header{"X-Stripe-Client-User-Agent": {clientUserAgent}},
	}
	if request.IdempotencyKey != "" && request.Method != http.MethodGet {
		params.IdempotencyKey = stripe.String(request.IdempotencyKey)
	}
	if request.Account != "" {
		params.StripeAccount = stripe.String(request.Account)
	}

	var response object
	err := c.backend.CallRaw(request.Method, request.Path, c.key, values, params, &response)
	if err == nil && seen.succeeded() {
		return response.LastResponse.RawJSON, nil
	}
	return nil, c.explain(ctx, seen, err)
}

// clientUserAgent tells Stripe's support which library sent a request.
const clientUserAgent = `{"application":{"name":"Backflow"},"bindings_version":"76.25.0","lang":"go","publisher":"stripe"}`

// object is a response that is kept as bytes: typed structs would lose the
// fields that are newer than the library.
type object struct {
	stripe.APIResource
}

// UnmarshalJSON takes a JSON object and looks no further into it.
func (*object) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '{' {
		return fmt.Errorf("the answer is not a JSON object")
	}
	return nil
}

var _ stripe.LastResponseSetter = (*object)(nil)

// explain makes the error of a call that did not succeed.
func (c *Client) explain(ctx context.Context, seen *exchange, err error) *sdk.Error {
	var failure *sdk.Error
	if seen.complete && (seen.status < 200 || seen.status > 299) {
		failure = refusal(seen, c.now())
	} else {
		failure = noResponse(ctx, seen, err)
	}
	// stripe-mock, for one, repeats the whole key when it refuses it.
	failure.Message = strings.ReplaceAll(failure.Message, c.key, "***")
	if len(failure.Details) > 0 {
		failure.Details = []byte(strings.ReplaceAll(string(failure.Details), c.key, "***"))
	}
	return failure
}
