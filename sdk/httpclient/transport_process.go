//go:build !wasip1

package httpclient

import "net/http"

// transport is the process's own network, with connections that all clients
// share.
func transport() http.RoundTripper { return http.DefaultTransport }
