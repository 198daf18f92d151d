package gateway

import (
	"net/http/httptest"
	"testing"

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

func TestTheAddressOfAWebhookIsTheSendersView(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("POST", "http://gw.example:3000/webhooks/shop?a=%20b", nil)
	for public, want := range map[string]string{
		"":                        "http://gw.example:3000/webhooks/shop?a=%20b",
		"https://api.example/gw1": "https://api.example/gw1/webhooks/shop?a=%20b",
	} {
		x := &requestContext{table: &table{Routes: Routes{PublicURL: public}}}
		r.URL.Scheme, r.URL.Host = "", ""
		if got := x.addressOf(r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
