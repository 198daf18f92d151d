// Package post sends the request that a step of the load test's workflow is:
// one small POST. Everything that is measured sends it by this same code, so
// that what differs is not the client.
package post

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 16

// Client posts to one URL. It is safe for concurrent use.
type Client struct {
	url  string
	http *http.Client
}

// NewClient makes a client that keeps a connection for each of many callers.
func NewClient(url string) *Client {
	return &Client{url: url, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
}

// Post sends a body under an idempotency key and returns the body that came
// back. Any status but 200 is an error.
func (c *Client) Post(ctx context.Context, key string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("post: status %d", response.StatusCode)
	}
	return answer, err
}
