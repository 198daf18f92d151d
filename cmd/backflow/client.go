package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/backflow/backflow/core/backoff"
)

// clientTimeout bounds a request beyond the time that it asks to wait.
const clientTimeout = 30 * time.Second

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// client talks to a running gateway.
type client struct {
	address string
	token   string
}

// client finds the gateway: in BACKFLOW_URL and BACKFLOW_TOKEN, else where
// `dev` noted it.
func (p *program) client() (*client, error) {
	kept, err := readDevState(devDir)
	if err != nil {
		return nil, err
	}
	c := &client{address: kept.Address, token: kept.Token}
	if address, set := p.lookupEnv("BACKFLOW_URL"); set {
		c.address, c.token = address, ""
	}
	if token, set := p.lookupEnv("BACKFLOW_TOKEN"); set {
		c.token = token
	}
	if c.address == "" {
		return nil, errors.New("no gateway is known: set BACKFLOW_URL and BACKFLOW_TOKEN, or run this where `backflow dev` runs")
	}
	c.address = strings.TrimRight(c.address, "/")
	return c, nil
}

// do sends a request and decodes the answer's JSON into the value given, unless
// that is nil. An answer that is a problem is an error that tells it.
func (c *client) do(ctx context.Context, method, path string, headers map[string]string, body []byte, wait time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout+wait)
	defer cancel()
	res, err := c.send(ctx, method, path, headers, body)
	if err != nil {
		return err
	}
	// The body was read to its end, or is of no more use.
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("gateway at %s: %w", c.address, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return problemOf(res, data)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("gateway at %s: %w", c.address, err)
	}
	return nil
}

// send sends a request. The caller closes the answer's body.
func (c *client) send(ctx context.Context, method, path string, headers map[string]string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("gateway at %s: %w", c.address, err)
	}
	return res, nil
}

// changeAttempts is how often a change is sent that had no response.
const changeAttempts = 3

// requestWait is the wait between two attempts at a request.
var requestWait = backoff.Exponential{First: 250 * time.Millisecond, Longest: 5 * time.Second}

// change sends a POST that takes effect once: the key lets it be sent again
// where no answer came.
func (c *client) change(ctx context.Context, path, key string, body []byte, into any) error {
	for attempt := 1; ; attempt++ {
		err := c.do(ctx, http.MethodPost, path, map[string]string{"Idempotency-Key": key}, body, 0, into)
		if err == nil || !transient(err) || attempt == changeAttempts || backoff.Sleep(ctx, requestWait.After(attempt)) != nil {
			return err
		}
	}
}

// problem is an answer that tells an error.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// transient reports whether a request may succeed when it is sent again.
func transient(err error) bool {
	refused, answered := errors.AsType[*problem](err)
	return !answered || refused.status >= http.StatusInternalServerError || refused.status == http.StatusTooManyRequests
}

// problemOf reads an answer in application/problem+json (RFC 9457).
func problemOf(res *http.Response, data []byte) *problem {
	var told struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Pointer string `json:"pointer"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &told) != nil || told.Title == "" {
		return &problem{res.StatusCode, "the gateway answered " + res.Status}
	}
	text := fmt.Sprintf("%s (%d)", told.Title, res.StatusCode)
	if told.Detail != "" {
		text += ": " + told.Detail
	}
	for _, fault := range told.Errors {
		text += "\n  " + fault.Pointer + ": " + fault.Message
	}
	return &problem{res.StatusCode, text}
}
