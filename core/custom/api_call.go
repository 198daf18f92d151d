package custom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// MaxResponse bounds the body of a response, in bytes.
const MaxResponse = 8 << 20

// maxConnections bounds how many calls an integration makes at once. Further calls
// wait for a connection, within their time: an API that hangs delays only its own
// callers.
const maxConnections = 256

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    maxConnections,
		MaxConnsPerHost:        maxConnections,
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// errTooLarge says that a response is longer than MaxResponse.
var errTooLarge = errors.New("the answer is too large")

// apiCall is one request to an API, and what has come of it.
type apiCall struct {
	// connected says that there was a connection to send on. Without one, nothing can
	// have reached the API. Other goroutines set it.
	connected atomic.Bool
	// status and header are zero until they were read. body is complete only if send
	// returned no error.
	status int
	header http.Header
	body   []byte
}

// trace returns a context whose request sets connected.
func (c *apiCall) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { c.connected.Store(true) },
	})
}

// send sends a request and reads the response. It uses the transport and not a
// client, because the transport follows no redirect: that would be a second request,
// perhaps to another host.
func (c *apiCall) send(transport http.RoundTripper, request *http.Request) error {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	c.status, c.header = response.StatusCode, response.Header
	c.body, err = io.ReadAll(io.LimitReader(response.Body, MaxResponse+1))
	if err == nil && len(c.body) > MaxResponse {
		err = errTooLarge
	}
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
