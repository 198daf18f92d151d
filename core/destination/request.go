package destination

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/outgoing"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

const (
	// MaxResponse is how much of the body of a response is kept, in bytes.
	MaxResponse = 4 << 10
	// maxConnections bounds the idle connections that are kept to one receiver.
	maxConnections = 64
	// userAgent is what an operator of a receiver sees of the gateway.
	userAgent = "Backflow"
)

// newTransport returns what makes the requests. It uses no proxy of the environment,
// which would connect where the policy does not see it.
func newTransport(policy egress.Policy, resolver *net.Resolver) *http.Transport {
	return &http.Transport{
		DialContext:            policy.Dial(resolver),
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    maxConnections,
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// response is what is kept of the response to an attempt, on the step of the run.
type response struct {
	Status int    `json:"status"`
	Body   string `json:"body,omitempty"`
}

// attempt sends a message once. The response is that of a receiver that took it. The
// error is *sdk.Error; the status is zero where there was no response. It uses the
// transport and not a client, because the transport follows no redirect.
func (d *Destination) attempt(ctx context.Context, transport http.RoundTripper, id string, body []byte, now time.Time) (*response, int, *sdk.Error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	request := (&http.Request{
		Method: http.MethodPost, URL: d.url, Host: d.url.Host, Header: maps.Clone(d.header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		// net/http uses it where nothing of the request was sent.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	timestamp, signature := d.signer.headers(id, now, body)
	request.Header.Set("Content-Type", "application/json")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", userAgent)
	}
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", signature)
	res, err := transport.RoundTrip(request)
	if err != nil {
		return nil, 0, d.noResponse(ctx, err, connected.Load())
	}
	// A body that does not come says nothing of the status, which did.
	text, _ := io.ReadAll(io.LimitReader(res.Body, MaxResponse))
	_ = res.Body.Close()
	kept := response{res.StatusCode, d.presentable(text)}
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return &kept, res.StatusCode, nil
	}
	return nil, res.StatusCode, d.refused(kept, res.Header, now)
}

// presentable is the body of a response as text, without what must not be shown: a
// receiver may repeat what it was sent.
func (d *Destination) presentable(body []byte) string {
	var redactor telemetry.Redactor
	redactor.Add(d.secrets...)
	return redactor.String(strings.ToValidUTF8(string(body), "\uFFFD"))
}

// refused is the error of a response that is no success (Standard Webhooks, "Delivery
// success and failure"): whatever it is, the message is sent again, but for 410.
func (d *Destination) refused(kept response, header http.Header, now time.Time) *sdk.Error {
	failed := sdk.Refuse(sdk.CodeRejected, "%s", strings.TrimSpace(fmt.Sprintf("%s responded with %d %s", d.name, kept.Status, http.StatusText(kept.Status))))
	failed.Retryable = true
	switch {
	case kept.Status == http.StatusTooManyRequests:
		failed.Code, failed.RetryAfter = sdk.CodeRateLimited, outgoing.RetryAfter(header, now)
	case kept.Status >= 500:
		failed.Code, failed.RetryAfter = sdk.CodeUpstream, outgoing.RetryAfter(header, now)
	case kept.Status >= 300 && kept.Status < 400:
		failed.Message += ", and redirects are not followed: give the address that it leads to as url"
	}
	return failed.With("status", kept.Status).With("body", kept.Body)
}

// noResponse is the error of a request that got no response.
func (d *Destination) noResponse(ctx context.Context, err error, connected bool) *sdk.Error {
	failed := sdk.Refuse(sdk.CodeUnavailable, "").Later(0) // what has no response was not taken
	var late net.Error
	switch {
	case errors.Is(err, egress.ErrNotAllowed):
		failed.Code, failed.Message = sdk.CodeForbidden, d.name+": "+egress.ErrNotAllowed.Error()
	case errors.Is(ctx.Err(), context.Canceled):
		failed.Code, failed.Message = sdk.CodeTimeout, d.name+": the attempt was given up before there was a response"
	case ctx.Err() != nil || errors.As(err, &late) && late.Timeout():
		failed.Code, failed.Message = sdk.CodeTimeout, fmt.Sprintf("%s did not respond within %s", d.name, d.timeout)
	case !connected:
		failed.Message = d.name + " cannot be reached: " + outgoing.Reason(err)
	default:
		failed.Code, failed.Message = sdk.CodeUpstream, d.name+": the connection broke before there was a response: "+outgoing.Reason(err)
	}
	return failed
}
