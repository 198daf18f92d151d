package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

const (
	// maxResponse bounds the body of a response, in bytes.
	maxResponse = 8 << 20
	// maxResponseHeader bounds its headers, in bytes.
	maxResponseHeader = 256 << 10
	// maxRequestHeaders bounds the number of headers of a request: each takes much
	// more memory here than in the guest.
	maxRequestHeaders = 1000
	// defaultTimeout bounds a request and its response if neither the guest nor the
	// call's deadline does.
	defaultTimeout = 30 * time.Second
)

// httpHost makes the HTTP requests of a plugin's guests. It follows no redirect: the
// guest may follow it with another request, which is checked like the first.
type httpHost struct {
	plugin    string
	allowed   []egress.Host
	transport *http.Transport
}

// allowedKey is the key under which a request's context carries its egress.Host.
type allowedKey struct{}

func newHTTPHost(plugin string, allowed []egress.Host) *httpHost {
	return &httpHost{plugin: plugin, allowed: allowed, transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			// The transport keeps connections by scheme and address, which belong to one
			// host.
			host, _ := ctx.Value(allowedKey{}).(egress.Host)
			return egress.Dialer(func(a netip.Addr) bool { return host.Allows(a) }).DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // the guest sees what was sent
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: maxResponseHeader,
	}}
}

// close closes idle connections.
func (h *httpHost) close() { h.transport.CloseIdleConnections() }

// send sends a guest's request and returns the frame that the guest will receive. It
// ends when the guest's call does.
func (h *httpHost) send(g *guest, frame abi.Frame) []byte {
	ctx, cancel := context.WithTimeout(g.ctx, defaultTimeout)
	defer cancel()
	response, failure := h.roundTrip(ctx, g.now.kind, frame)
	if g.ctx.Err() != nil {
		panic(errInterrupted)
	}
	if failure == nil {
		return response
	}
	encoded, err := json.Marshal(failure)
	if err != nil {
		panic(err) // it consists of texts
	}
	return abi.Append(abi.Begin(nil, abi.Failure), abi.Error, encoded)
}

// notAllowed says what the config lacks. An entry without a scheme means HTTPS, which
// is easily overlooked.
func (h *httpHost) notAllowed(u *url.URL) string {
	message := fmt.Sprintf("%s://%s is not in the allowedHosts of plugin %s", u.Scheme, u.Host, h.plugin)
	switch u.Scheme {
	case "https":
		return fmt.Sprintf("%s (the entry for it is %q)", message, u.Host)
	case "http":
		return fmt.Sprintf("%s (the entry for it is %q: without http:// an entry means HTTPS)", message, "http://"+u.Host)
	}
	return message + " (only http and https can be)"
}

func (h *httpHost) roundTrip(ctx context.Context, during abi.Kind, frame abi.Frame) ([]byte, *sdk.Error) {
	if during == 0 || during == abi.Manifest {
		return nil, forbidden("a plugin asks nobody before it is configured")
	}
	request, timeout, err := readRequest(frame)
	if err != nil {
		return nil, forbidden(err.Error())
	}
	host, ok := h.allow(request.URL)
	if !ok {
		return nil, forbidden(h.notAllowed(request.URL))
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	response, err := h.transport.RoundTrip(request.WithContext(context.WithValue(ctx, allowedKey{}, host)))
	if err != nil {
		return nil, h.explain(request.URL, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, h.explain(request.URL, err)
	}
	if len(body) > maxResponse {
		return nil, &sdk.Error{
			Code: sdk.CodeResultTooLarge, Outcome: sdk.OutcomeUnknown,
			Message: fmt.Sprintf("%s answered more than %d bytes", request.URL.Host, maxResponse),
		}
	}
	encoded := abi.AppendNumber(abi.Begin(nil, abi.OK), abi.Status, int64(response.StatusCode))
	for name, values := range response.Header {
		for _, value := range values {
			encoded = abi.AppendPair(encoded, abi.Header, name, ':', value)
		}
	}
	return abi.Append(encoded, abi.Body, body), nil
}

// allow returns the entry that allows a request.
func (h *httpHost) allow(u *url.URL) (egress.Host, bool) {
	for _, host := range h.allowed {
		if host.Matches(u) {
			return host, true
		}
	}
	return egress.Host{}, false
}

// readRequest reads a guest's request, and its timeout if it has one. The result
// does not refer to the guest's memory.
func readRequest(frame abi.Frame) (*http.Request, time.Duration, error) {
	if frame.Kind != abi.HTTPRequest {
		return nil, 0, errors.New("http_send takes a request")
	}
	var method, address string
	var body []byte
	var timeout time.Duration
	header, headers := make(http.Header), 0
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Method:
			method = string(content)
		case abi.URL:
			address = string(content)
		case abi.Header:
			if headers++; headers > maxRequestHeaders {
				return nil, 0, fmt.Errorf("the request has more than %d headers", maxRequestHeaders)
			}
			name, value, _ := strings.Cut(string(content), ":")
			header.Add(name, strings.TrimLeft(value, " "))
		case abi.Timeout:
			timeout = time.Duration(abi.Number(content))
		case abi.Body:
			body = bytes.Clone(content)
		}
	}
	if method == http.MethodConnect {
		return nil, 0, errors.New("a plugin opens no tunnel")
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(body)) //nolint:noctx // the caller adds the context
	if err != nil {
		return nil, 0, errors.New("the request has no valid method or URL")
	}
	request.Header = header
	return request, timeout, nil
}

// forbidden is the error of a request that was never sent.
func forbidden(message string) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeRejected, Message: message, Outcome: sdk.OutcomeNotExecuted}
}

// explain returns why a request failed. It shows the guest no IP address.
func (h *httpHost) explain(u *url.URL, err error) *sdk.Error {
	if errors.Is(err, egress.ErrForbidden) {
		return forbidden(fmt.Sprintf("%s: %v; the allowedHosts of plugin %s would have to name the address itself", u.Host, egress.ErrForbidden, h.plugin))
	}
	e := &sdk.Error{Code: sdk.CodeUnavailable, Message: "the request to " + u.Host + " failed", Retryable: true, Outcome: sdk.OutcomeUnknown}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code, e.Message = sdk.CodeTimeout, u.Host+" did not answer in time"
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		e.Message, e.Outcome = "no connection to "+u.Host, sdk.OutcomeNotExecuted
	}
	return e
}
