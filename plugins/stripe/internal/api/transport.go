package api

import (
	"bytes"
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

// maxResponse bounds a response that is held in memory. Stripe's largest objects
// are a few hundred kilobytes.
const maxResponse = 16 << 20

// errTooLarge says that a response is longer than maxResponse.
var errTooLarge = errors.New("the answer is too large")

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       50 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// exchange is what was seen of one request and its response. stripe-go keeps it
// to itself: a response that is not its JSON becomes an error without a status.
// It is written and read by the goroutine of the call, but for connected.
type exchange struct {
	// connected says that there was a connection to send on. Before that
	// nothing can have reached Stripe.
	connected atomic.Bool
	// complete says that status, header and the whole body were read.
	complete bool
	status   int
	header   http.Header
	body     []byte
}

func (e *exchange) succeeded() bool { return e.complete && e.status >= 200 && e.status <= 299 }

type exchangeKey struct{}

// record returns a context whose request is recorded in the exchange.
func record(ctx context.Context) (context.Context, *exchange) {
	seen := &exchange{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { seen.connected.Store(true) },
	})
	return context.WithValue(ctx, exchangeKey{}, seen), seen
}

// recorder is the transport below stripe-go. It keeps what was seen, bounds
// the response, and sends every request at most once.
type recorder struct {
	next http.RoundTripper
}

// RoundTrip sends a copy of the request that net/http cannot send a second
// time. With the body that stripe-go leaves (GetBody set, length unknown) and
// the Idempotency-Key header, net/http takes a POST for repeatable and sends
// it again when a kept connection breaks; it would also send it in chunks. An
// empty body stays one, because net/http repeats what has none.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	seen, ok := request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("the request is not recorded")
	}
	body, err := readBody(request)
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	once := request.Clone(request.Context())
	once.Body = io.NopCloser(bytes.NewReader(body))
	once.ContentLength = int64(len(body))
	once.GetBody = nil

	response, err := r.next.RoundTrip(once)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	closeErr := response.Body.Close()
	seen.status, seen.header = response.StatusCode, response.Header
	if err == nil && len(content) > maxResponse {
		err = errTooLarge
	}
	if err = errors.Join(err, closeErr); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	seen.complete, seen.body = true, content
	response.Body = io.NopCloser(bytes.NewReader(content))
	return response, nil
}

// readBody reads and closes the body of a request, as a RoundTripper has to.
func readBody(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(request.Body)
	return body, errors.Join(err, request.Body.Close())
}
