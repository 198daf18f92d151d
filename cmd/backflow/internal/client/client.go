// Package client is how commands talk to a running gateway, and how they show its
// runs. The package imports cmd/backflow/internal/terminal, core/backoff and
// core/workflow.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/backoff"
)

// requestTimeout bounds a request beyond the time that it asks to wait.
const requestTimeout = 30 * time.Second

// maxResponse bounds what is read of a response, in bytes.
const maxResponse = 64 << 20

// Client talks to a running gateway.
type Client struct {
	// Address is the base URL, without a slash at its end.
	Address string
	// Token is sent with each request; "" sends none.
	Token string
	// AddressFrom and TokenFrom say where these two were found, for messages.
	AddressFrom, TokenFrom string

	// lastSeen is when the gateway last responded, nil if it never has.
	lastSeen atomic.Pointer[time.Time]
}

// seen notes that the gateway lives.
func (c *Client) seen() {
	now := time.Now()
	c.lastSeen.Store(&now)
}

// awayFor returns for how long the gateway has not responded: for ever if it never
// has.
func (c *Client) awayFor() time.Duration {
	if last := c.lastSeen.Load(); last != nil {
		return time.Since(*last)
	}
	return math.MaxInt64
}

// httpClient follows no redirect: a gateway sends none, and what follows one would
// go to an address that nobody chose.
var httpClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Get decodes the JSON of a path into the value given. A response that is a
// problem is an error, *Problem.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, nil, 0, into)
}

// Post sends a body and decodes the response's JSON into the value given. A
// response that is a problem is an error, *Problem.
func (c *Client) Post(ctx context.Context, path string, headers map[string]string, body []byte, into any) error {
	return c.do(ctx, http.MethodPost, path, headers, body, 0, into)
}

// do is a request that asks the gateway to wait for so long.
func (c *Client) do(ctx context.Context, method, path string, headers map[string]string, body []byte, wait time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+wait)
	defer cancel()
	res, err := c.send(ctx, method, path, headers, body)
	if err != nil {
		return err
	}
	// The body was read to its end, or is of no more use.
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	switch {
	case err != nil:
		return c.unreachable(ctx, err)
	case res.StatusCode >= http.StatusMultipleChoices:
		return c.problemOf(res, data)
	case json.Unmarshal(data, into) != nil:
		return c.noGateway(res)
	}
	return nil
}

// send sends a request. The caller closes the response's body.
func (c *Client) send(ctx context.Context, method, path string, headers map[string]string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode < http.StatusInternalServerError {
		c.seen()
	}
	return res, nil
}

// isJSON reports whether a response says that it is JSON.
func isJSON(res *http.Response) bool {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// changeAttempts is how often a change is sent that had no response.
const changeAttempts = 3

// requestWait is the wait between two attempts at a request.
var requestWait = backoff.Exponential{First: 250 * time.Millisecond, Longest: 5 * time.Second}

// Change sends a POST that takes effect once: the key lets it be sent again where
// no response came.
func (c *Client) Change(ctx context.Context, path, key string, body []byte, into any) error {
	for attempt := 1; ; attempt++ {
		err := c.Post(ctx, path, keyHeader(key), body, into)
		if err == nil || !transient(err) || attempt == changeAttempts || backoff.Sleep(ctx, requestWait.After(attempt)) != nil {
			return err
		}
	}
}

func keyHeader(key string) map[string]string { return map[string]string{"Idempotency-Key": key} }
