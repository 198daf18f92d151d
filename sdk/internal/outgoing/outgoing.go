// Package outgoing lets a test replace the network that sdk/httpclient uses, for
// one call at a time. The package imports nothing of the project.
package outgoing

import (
	"context"
	"net/http"
)

type key struct{}

// WithTransport returns a context whose requests are made by transport.
func WithTransport(ctx context.Context, transport http.RoundTripper) context.Context {
	return context.WithValue(ctx, key{}, transport)
}

// Transport makes requests by the transport of their context, if WithTransport
// set one, else by the embedded one.
type Transport struct{ http.RoundTripper }

// RoundTrip makes one request.
func (o Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if transport, ok := request.Context().Value(key{}).(http.RoundTripper); ok {
		return transport.RoundTrip(request)
	}
	return o.RoundTripper.RoundTrip(request)
}
