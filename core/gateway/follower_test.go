package gateway

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/sdk"
)

// TestAReloadThatDropsATokenEndsItsStreams, as one does that takes its scope; one that
// leaves it both ends none.
func TestAReloadThatDropsATokenEndsItsStreams(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*Token) bool{ // false: the token is dropped
		"dropped":  func(*Token) bool { return false },
		"rotated":  func(token *Token) bool { token.Hash = access.HashOf("another-token-of-the-tests"); return true },
		"narrowed": func(token *Token) bool { token.Scopes = scopes(t, "metrics:read"); return true },
	} {
		h := newHarness(t)
		going := make(chan struct{})
		h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
			<-going
			return sdk.Result{}, nil
		})
		h.deliver("evt")
		run := h.event("evt", "received")["run"].(string)
		server := httptest.NewServer(h)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		ended := make(chan error, 2)
		for _, path := range []string{"/events/stream", "/runs/" + run + "/stream"} {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
			must(t, err)
			r.Header.Set("Authorization", "Bearer "+fullToken)
			response, err := server.Client().Do(r)
			must(t, err)
			reader := bufio.NewReader(response.Body)
			if line, err := reader.ReadString('\n'); err != nil || response.StatusCode != 200 {
				t.Fatalf("%s is %d and begins with %q, %v", path, response.StatusCode, line, err)
			}
			go func() {
				_, err := io.Copy(io.Discard, reader)
				_ = response.Body.Close()
				ended <- err
			}()
		}
		same := h.routes
		same.Webhooks = nil
		must(t, h.Swap(same))
		changed := h.routes
		changed.Tokens = nil
		for _, token := range h.routes.Tokens {
			if token.Name != "full" || change(&token) {
				changed.Tokens = append(changed.Tokens, token)
			}
		}
		select {
		case err := <-ended:
			t.Errorf("%s: a stream ended before, with %v", what, err)
		default:
		}
		must(t, h.Swap(changed))
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("%s: a stream ended with %v", what, err)
			}
		}
		close(going)
		cancel()
		server.Close()
	}
}
