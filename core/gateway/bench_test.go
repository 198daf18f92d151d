package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// BenchmarkCall is what the gateway does for a call of an action, between net/http and
// the integration, the access log included.
func BenchmarkCall(b *testing.B) {
	lines := telemetry.NewLines(io.Discard)
	b.Cleanup(func() { must(b, lines.Close()) })
	h := newHarness(b, func(o *Options) { o.Logger = telemetry.NewLogger(lines, telemetry.LogOptions{}) })
	result := sdk.Result{Body: []byte(`{"id":"pay_1","description":"` + strings.Repeat("x", 2000) + `"}`)}
	h.integration.mu.Lock()
	h.integration.quiet = true
	h.integration.mu.Unlock()
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) { return result, nil })
	const body = `{"amount":2000,"currency":"usd"}`
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequest(http.MethodPost, "/integrations/shop/payments", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+fullToken)
		response := &discarding{header: http.Header{}}
		h.ServeHTTP(response, request)
		if response.status != http.StatusOK {
			b.Fatal(response.status)
		}
	}
}

// discarding is a response that nobody reads.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(status int)      { d.status = status }
func (d *discarding) Write(p []byte) (int, error) { return len(p), nil }
