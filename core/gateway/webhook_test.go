package gateway

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

func TestWebhooksNeedASignatureAndNoToken(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	send := func(event, signature string) *httptest.ResponseRecorder {
		return h.send("POST", "/webhooks/shop", `{"type":"paid"}`, "Authorization:", "Content-Type:", "X-Signature: "+signature, "X-Event: "+event)
	}
	wantCode(t, send("evt_1", "bad"), 400, codeWebhookRefused)
	if rec := send("evt_1", "good"); rec.Code != 200 || rec.Body.String() != `{"received":true,"id":"evt_1"}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := send("evt_1", "good"); rec.Code != 200 || rec.Body.String() != `{"received":true,"id":"evt_1","duplicate":true}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := send("evt_1", "challenge"); rec.Code != 200 || rec.Body.String() != `{"type":"paid"}` || rec.Header().Get("Content-Type") != "text/plain" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	if rec := send("evt_1", "ping"); rec.Code != 204 || rec.Body.Len() > 0 || rec.Header().Get("Content-Type") != "" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	wantCode(t, send("evt_1", "forged challenge"), 401, codeUnauthorized)
	h.store.down.Store(true)
	wantCode(t, send("evt_2", "good"), 503, sdk.CodeUnavailable)
	h.store.down.Store(false)
	rec := h.send("GET", "/webhooks/shop", "", "Authorization:")
	wantCode(t, rec, 405, codeMethodNotAllowed)
	if rec.Header().Get("Allow") != "POST" {
		t.Errorf("Allow %q", rec.Header().Get("Allow"))
	}
	wantStatus(t, h.send("POST", "/webhooks/other", "{}", "Authorization:"), 401)
}

// heardWebhook keeps the requests that it gets.
type heardWebhook struct {
	Webhook
	heard []webhook.Request
}

func (h *heardWebhook) Path() string            { return "/webhooks/heard" }
func (h *heardWebhook) Methods() []string       { return []string{"POST"} }
func (h *heardWebhook) Responds() (int, string) { return 0, "" }
func (h *heardWebhook) MaxBodyBytes() int       { return 1 << 10 }
func (h *heardWebhook) Receive(_ context.Context, request webhook.Request) (webhook.Receipt, error) {
	h.heard = append(h.heard, request)
	return webhook.Receipt{ID: "evt_1"}, nil
}

// TestTheAddressOfAWebhookIsNeverTheClientsWord: scheme and host are those of the
// config, else unknown; the client is the one that trusted proxies name.
func TestTheAddressOfAWebhookIsNeverTheClientsWord(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"":                        "/webhooks/heard?a=%20b&a=c",
		"https://api.example/gw1": "https://api.example/gw1/webhooks/heard?a=%20b&a=c",
	} {
		hook := &heardWebhook{}
		h := newHarness(t, func(o *Options) {
			o.Routes.Webhooks, o.Routes.PublicURL = []Webhook{hook}, public
			o.Routes.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		})
		wantStatus(t, h.send("POST", "/webhooks/heard?a=%20b&a=c", "body", "Authorization:", "Host: evil.example",
			"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: ftp", "X-Forwarded-For: 203.0.113.9"), 200)
		if len(hook.heard) != 1 {
			t.Fatalf("%d requests came through", len(hook.heard))
		}
		if got := hook.heard[0]; got.URL != want || got.Method != "POST" || string(got.Body) != "body" || got.Client != "203.0.113.9" {
			t.Errorf("%q: heard %s %s %q from %s, want %s", public, got.Method, got.URL, got.Body, got.Client, want)
		}
	}
}
