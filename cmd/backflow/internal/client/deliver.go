package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Deliver sends a webhook and returns the response as JSON: a text, which some senders
// are replied to with, is a string, and a response without body is null. One in HTML
// comes from no gateway.
func (c *Client) Deliver(ctx context.Context, path string, headers map[string]string, body []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.send(ctx, http.MethodPost, path, headers, body)
	if err != nil {
		return nil, err
	}
	// The body was read to its end, or is of no more use.
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, err)
	case res.StatusCode >= http.StatusMultipleChoices:
		return nil, c.problemOf(res, data)
	case len(data) == 0:
		return json.RawMessage("null"), nil
	case json.Valid(data):
		return data, nil
	case strings.HasSuffix(kind, "html"):
		return nil, c.noGateway(res)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(string(data))
	return bytes.TrimSpace(text.Bytes()), err
}
