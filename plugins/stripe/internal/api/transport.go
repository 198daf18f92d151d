package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk"
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

// exchange is what was seen of one request and its response. It is written and read
// by the goroutine of the call, but for connected.
type exchange struct {
	// method, path and sent are those of the request; restricted says that its key is
	// one that may do only what it was made for.
	method, path string
	sent         Body
	restricted   bool
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

// traced returns a context whose request is seen to have a connection.
func (e *exchange) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { e.connected.Store(true) },
	})
}

// roundTrip sends a request and reads the response. A redirect is a response like
// others: to follow it could carry the request elsewhere, and be a second one.
func (e *exchange) roundTrip(transport *http.Transport, request *http.Request) error {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	e.status, e.header = response.StatusCode, response.Header
	content, err := readBody(response)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	e.complete, e.body = true, content
	return nil
}

// readBody reads a body of at most maxResponse bytes.
func readBody(response *http.Response) ([]byte, error) {
	switch size := response.ContentLength; {
	case size > maxResponse:
		return nil, errTooLarge
	case size > 0:
		content := make([]byte, size)
		_, err := io.ReadFull(response.Body, content)
		return content, err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err == nil && len(content) > maxResponse {
		err = errTooLarge
	}
	return content, err
}

// result returns what a successful response holds, or false if it is not what Stripe
// responds with: a JSON object, or where a file is asked for anything but a page.
func (e *exchange) result(binary bool) (sdk.Result, bool) {
	if !binary {
		return sdk.Result{Body: e.body}, isObject(e.body)
	}
	contentType := e.header.Get("Content-Type")
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return sdk.Result{Body: e.body, ContentType: contentType}, err == nil && mediaType != "text/html"
}

// isObject reports whether a document is a JSON object. A name may come twice in it:
// what Stripe sends is handed on as it is.
func isObject(document []byte) bool {
	value := jsontext.Value(bytes.TrimLeft(document, " \t\r\n"))
	return len(value) > 0 && value[0] == '{' && value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
