//go:build !wasip1

package httpclient

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/internal/outgoing"
)

// transport is the process's own network, with connections that all clients
// share. In a test it is what sdktest.HTTP puts in its place.
func transport() http.RoundTripper {
	return outcomeTransport{outgoing.Transport{RoundTripper: http.DefaultTransport}}
}

// outcomeTransport adds to errors what is known of the outcome of the request, as
// the gateway does for a guest.
type outcomeTransport struct{ http.RoundTripper }

// RoundTrip makes one request. The error of a context that ended is returned as
// it is: package sdk reports it as a timeout.
func (t outcomeTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return response, err
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, failure{sdk.Refuse(sdk.CodeUnavailable, "no connection to %s", request.URL.Host).Later(0), err}
	}
	return nil, failure{sdk.Fail(sdk.CodeUnavailable, "the request to %s failed", request.URL.Host).Later(0), err}
}

// failure is the error that callers get, and its cause for errors.Is and errors.As.
type failure struct {
	sdkError *sdk.Error
	cause    error
}

func (f failure) Error() string   { return f.cause.Error() }
func (f failure) Unwrap() []error { return []error{f.sdkError, f.cause} }
