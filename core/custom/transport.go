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

// MaxAnswer bounds the body of an answer, in bytes.
const MaxAnswer = 8 << 20

// maxConnections bounds how many calls an integration makes at once. Further
// ones wait for a connection, within their time: an API that hangs holds up its
// own callers and nobody else's.
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

// errTooLarge says that an answer is longer than MaxAnswer.
var errTooLarge = errors.New("the answer is too large")

// exchange is what was seen of one request and its answer.
type exchange struct {
	// connected says that there was a connection to send on: before that
	// nothing can have reached the API. It is set from other goroutines.
	connected atomic.Bool
	// status and header are zero until they were read; body is whole only where
	// send answers no error.
	status int
	header http.Header
	body   []byte
}

// trace answers a context whose request tells the exchange of its connection.
func (e *exchange) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { e.connected.Store(true) },
	})
}

// send sends a request and reads the answer. It goes to the transport itself,
// which follows no redirect: that could carry the request elsewhere, and be a
// second one.
func (e *exchange) send(transport http.RoundTripper, request *http.Request) error {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	e.status, e.header = response.StatusCode, response.Header
	e.body, err = io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err == nil && len(e.body) > MaxAnswer {
		err = errTooLarge
	}
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
