//go:build !wasip1

package httpclient

import (
	"net/http"

	"github.com/backflow/backflow/sdk/internal/outgoing"
)

// transport is the process's own network, with connections that all clients
// share. In a test it is what sdktest.HTTP puts in its place.
func transport() http.RoundTripper { return outgoing.Or{RoundTripper: http.DefaultTransport} }
