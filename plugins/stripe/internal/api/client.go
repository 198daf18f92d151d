// Package api sends one request to Stripe and says what is known of its
// outcome. stripe-go builds the request; it is sent, read and judged here, so that
// nothing acts behind the caller's back: no retries, no telemetry, no redirects, no
// log. What comes back is Stripe's own bytes, or an *sdk.Error.
//
// It knows Stripe's HTTP and nothing of single actions.
//
// The package imports plugins/stripe/internal/form,
// plugins/stripe/internal/permission, sdk and sdk/pointer.
package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// DefaultTimeout bounds a call whose caller gives no deadline. It is that of
// stripe-go: some of Stripe's own responses take the better part of a minute.
const DefaultTimeout = 80 * time.Second

// Client calls Stripe with one secret key. It is safe for concurrent use.
type Client struct {
	// api and files build requests for the two hosts of Stripe's API. Nothing is sent
	// by them.
	api, files *stripe.BackendImplementation
	transport  *http.Transport
	key        string
	now        func() time.Time
}

// Request is one call of the API.
type Request struct {
	Method string
	// Path is made by Path.
	Path string
	// Query are the fields behind the path.
	Query []form.Field
	Body  Body
	// IdempotencyKey is sent where Stripe honours one: with a POST, and below /v2 with
	// a DELETE too (https://docs.stripe.com/api-v2-overview). When it is empty a random
	// one is sent, which is never used again.
	IdempotencyKey string
	// Account is the connected account to act for (Stripe-Account), or empty.
	Account string
	// Context is the account that a request below /v2 is for (Stripe-Context), or empty.
	Context string
	// Version is the API version that the request speaks, stripe.APIVersion if empty.
	Version string
	// Files sends the request to the host that takes and gives files.
	Files bool
	// Binary says that the response is a file with a content type of its own, not a
	// JSON object.
	Binary bool
}

// New returns a client for the API at base, without a path, such as
// "https://api.stripe.com". Empty means Stripe's own hosts; another one serves files
// too.
func New(key, base string) *Client {
	files := base
	if base == "" {
		base, files = stripe.APIURL, stripe.UploadsURL
	}
	return &Client{
		api: builder(stripe.APIBackend, base), files: builder(stripe.UploadsBackend, files),
		transport: newTransport(), key: key, now: time.Now,
	}
}

// builder returns a backend that only builds requests. What it has to say holds pieces
// of them, so it says nothing.
func builder(kind stripe.SupportedBackend, base string) *stripe.BackendImplementation {
	return &stripe.BackendImplementation{
		Type: kind, URL: strings.TrimRight(base, "/"), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
}

// Close closes idle connections. Calls under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends a request once and returns the body of a successful response, byte
// for byte. Every error is an *sdk.Error. The context bounds the call; without
// a deadline DefaultTimeout does.
func (c *Client) Do(ctx context.Context, request Request) (sdk.Result, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	seen := &exchange{method: request.Method, path: request.Path, sent: request.Body, restricted: strings.HasPrefix(c.key, "rk_")}
	sent, err := c.build(seen.traced(ctx), request)
	if err != nil {
		return sdk.Result{}, unsendable(err)
	}
	err = seen.roundTrip(c.transport, sent)
	if err == nil && seen.succeeded() {
		if result, ok := seen.result(request.Binary); ok {
			return result, nil
		}
	}
	return sdk.Result{}, c.explain(ctx, seen, err)
}

// explain makes the error of a call that did not succeed.
func (c *Client) explain(ctx context.Context, seen *exchange, err error) *sdk.Error {
	var failure *sdk.Error
	if seen.complete && !seen.succeeded() {
		failure = refusal(seen, c.now())
	} else {
		failure = noResponse(ctx, seen, err)
	}
	// stripe-mock, for one, repeats the whole key when it refuses it.
	failure.Message = strings.ReplaceAll(failure.Message, c.key, "***")
	for i := range failure.Faults {
		failure.Faults[i].Message = strings.ReplaceAll(failure.Faults[i].Message, c.key, "***")
	}
	if len(failure.Details) > 0 {
		failure.Details = []byte(strings.ReplaceAll(string(failure.Details), c.key, "***"))
	}
	return failure
}
