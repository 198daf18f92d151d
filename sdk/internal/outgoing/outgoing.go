// Package outgoing lets a test stand in for the network that sdk/httpclient asks,
// for one call at a time. The package imports nothing of the project.
package outgoing

import (
	"context"
	"net/http"
)

type key struct{}

// With returns a context whose requests are made by transport.
func With(ctx context.Context, transport http.RoundTripper) context.Context {
	return context.WithValue(ctx, key{}, transport)
}

// Or is a transport that makes requests by that of their context, if With gave it
// one, else by itself.
type Or struct{ http.RoundTripper }

// RoundTrip makes one request.
func (o Or) RoundTrip(request *http.Request) (*http.Response, error) {
	if transport, ok := request.Context().Value(key{}).(http.RoundTripper); ok {
		return transport.RoundTrip(request)
	}
	return o.RoundTripper.RoundTrip(request)
}
