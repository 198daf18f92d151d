package program

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// httpClient follows no redirect: the gateway must not send any. It keeps
// connections to no host, for gateways are killed and come back.
var httpClient = &http.Client{
	Timeout:       90 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Request is a request to a gateway. A body is sent as application/json.
type Request struct {
	Method, Path, Body string
	Header             map[string]string
	// Token replaces the gateway's token; "none" sends none.
	Token string
	// Timeout is how long the client waits for the response; 0 is long enough for
	// any that comes.
	Timeout time.Duration
}

// Response is a response of a gateway.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Field returns a field of the body, by a path such as
// "steps.0.result.id"; nil where none exists. Numbers are json.Number.
func (a Response) Field(path string) any {
	decoder := json.NewDecoder(bytes.NewReader(a.Body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := json.Number(part).Int64()
			if err != nil || i < 0 || i >= int64(len(v)) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// Text is Field for strings; "" where none exists.
func (a Response) Text(path string) string {
	text, _ := a.Field(path).(string)
	return text
}

// Send sends a request. It is safe for concurrent use.
func (g *Gateway) Send(r Request) (Response, error) {
	ctx := context.Background()
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, g.URL+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return Response{}, err
	}
	switch r.Token {
	case "":
		req.Header.Set("Authorization", "Bearer "+g.Token)
	case "none":
	default:
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = res.Body.Close() }() // it is read to its end, or an error says so
	body, err := io.ReadAll(res.Body)
	return Response{res.StatusCode, res.Header, body}, err
}

// Do is Send for requests that must get a response. It must be called from the
// test's goroutine.
func (g *Gateway) Do(r Request) Response {
	g.t.Helper()
	answer, err := g.Send(r)
	if err != nil {
		g.t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	return answer
}

// Post is Do for a POST; header is a list of names and values.
func (g *Gateway) Post(path, body string, header ...string) Response {
	g.t.Helper()
	r := Request{Method: http.MethodPost, Path: path, Body: body, Header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = header[i+1]
	}
	return g.Do(r)
}

// Get is Do for a GET.
func (g *Gateway) Get(path string) Response {
	g.t.Helper()
	return g.Do(Request{Method: http.MethodGet, Path: path})
}

// Want fails the test unless the response has a status, and returns it.
func Want(t testing.TB, status int, a Response) Response {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}
