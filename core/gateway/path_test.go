package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/webhook"
	"unicode/utf8"
)

func TestNoPathIsRedirectedOrLeavesItsPlace(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for target, want := range map[string]int{
		"/integrations/shop/payments/pay_1":              200,
		"/integrations/shop/payments/p%61y_1":            200,
		"/integrations/shop/payments/%C3%BC":             200,
		"/integrations/shop/payments/a%20b%3Fc%23d%25e":  200,
		"/integrations/shop/payments/...":                200,
		"/integrations/shop/payments/..":                 400,
		"/integrations/shop/payments/.":                  400,
		"/integrations/shop/payments/%2e%2e":             400,
		"/integrations/shop/payments/%2E.":               400,
		"/integrations/shop/payments/..%2f":              400,
		"/integrations/shop/payments/a%2Fb":              400,
		"/integrations/shop/payments/a%2fb":              400,
		"/integrations/shop/payments/a%2Fb%22\"":         400,
		"/integrations/shop/payments/a%00b":              400,
		"/integrations/shop/payments/a%0d%0ab":           400,
		"/integrations/shop/payments/a%7f":               400,
		"/integrations/shop/payments/%ff":                400,
		"/integrations/shop/payments/pay_1/":             404,
		"/integrations/shop/payments/":                   404,
		"/integrations/shop//payments/pay_1":             404,
		"//integrations/shop/payments/pay_1":             404,
		"/integrations//payments":                        404,
		"/integrations/":                                 404,
		"/integrations/shop/":                            404,
		"/":                                              404,
		"/Integrations":                                  404,
		"/integrations/shop/../../runs":                  400,
		"/integrations/shop/%2e%2e/%2e%2e/runs":          400,
		"/runs/../integrations":                          400,
		"/integrations/shop/payments/%252e%252e":         200,
		"/integrations/shop/payments/a%252Fb":            200,
		"/integrations/*/payments/pay_1":                 404,
		"/webhooks/shop/..":                              400,
		"/integrations/shop/payments/pay_1?limit=1&id=2": 400,
		"/integrations/shop/payments/pay_1?a=1;b=2":      400,
	} {
		rec := h.send("GET", target, "")
		if rec.Code != want {
			t.Errorf("GET %s: %d, want %d: %s", target, rec.Code, want, rec.Body)
		}
		if rec.Code/100 == 3 || rec.Header().Get("Location") != "" {
			t.Errorf("GET %s is redirected to %q", target, rec.Header().Get("Location"))
		}
	}
	want := map[string]bool{
		`{"id":"pay_1"}`: true, `{"id":"ü"}`: true, `{"id":"a b?c#d%e"}`: true, `{"id":"..."}`: true,
		`{"id":"%2e%2e"}`: true, `{"id":"a%2Fb"}`: true,
	}
	for _, call := range h.integration.called() {
		if !want[string(call.Params)] {
			t.Errorf("called with %s", call.Params)
		}
	}
}

func TestPathsAreCheckedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	wantStatus(t, h.send("GET", "/runs/..", "", "Authorization:"), 400)
	asterisk := &http.Request{Method: "OPTIONS", URL: &url.URL{Path: "*"}, Header: http.Header{}, Body: http.NoBody, RemoteAddr: "192.0.2.1:1"}
	wantStatus(t, serve(h, asterisk), 400)
}

func TestAPathIsNotConfusedByItsOwnEncoding(t *testing.T) {
	t.Parallel()
	// RawPath is no encoding of Path: what EscapedPath then returns has lost
	// the difference between a slash and an escaped one.
	if _, err := splitPath(&url.URL{Path: "/a/b", RawPath: `/a%2Fb"`}); err == nil {
		t.Error("accepted")
	}
}

func TestWebhookPathsAreChecked(t *testing.T) {
	t.Parallel()
	for path, ok := range map[string]bool{
		"/webhooks/stripe": true, "/hook": true, "/a/b-c/d.e_f": true,
		"": false, "webhooks": false, "/": false, "/a/": false, "//a": false, "/a/../b": false, "/./a": false,
		"/a b": false, "/a/{id}": false, "/a%2Fb": false, "/runs": false, "/integrations/x": false,
		"/healthz": false, "/metrics": false, "/mcp/x": false, "/docs": false,
		"/readyz": false, "/workflows/x/y": false, "/events": false, "/openapi.json": false, "/dashboard": false, "/runsx": true,
	} {
		if err := webhook.CheckPath(path, OwnsPath); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
	h := newHarness(t)
	twice := h.routes
	twice.Webhooks = []Webhook{h.routes.Webhooks[0], h.routes.Webhooks[0]}
	if err := h.Swap(twice); err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("two webhooks of one path: %v", err)
	}
}

func FuzzPathsStayWhatTheyAre(f *testing.F) {
	for _, seed := range []string{
		"/integrations/shop/payments/pay_1", "/integrations/shop/payments/%2e%2e", "/runs/a%2Fb", "/a%00b", "//runs", "/runs/",
		"/webhooks/shop", "/integrations/shop/payments/a%252Fb", "/..", "/%c3%28", "/a\"b%2F", "*", "http://host/runs/..", "/workflows/process-order/runs?wait=1s",
	} {
		f.Add(seed)
	}
	table, err := newTable(Routes{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		segments, err := splitPath(u)
		if err != nil {
			return
		}
		for _, s := range segments {
			if s == "." || s == ".." || strings.ContainsAny(s, "/\x00\r\n") || !utf8.ValidString(s) {
				t.Fatalf("%q has the segment %q", target, s)
			}
		}
		if joined := "/" + strings.Join(segments, "/"); joined != u.Path {
			t.Fatalf("%q: segments make %q, the path is %q", target, joined, u.Path)
		}
		if slices.Contains(segments, "") && isExact(table.match(&http.Request{Method: "GET", URL: u})) {
			t.Fatalf("%q leads to an endpoint in spite of its empty segment", target)
		}
	})
}

// isExact reports whether a route is one path, not the bindings of an
// integration.
func isExact(rt *route) bool { return rt != nil && rt.operations[""] == nil }

func FuzzRequestsGetAnAnswer(f *testing.F) {
	f.Add("/runs", "GET", "Bearer x", `"key"`)
	f.Add("/integrations/shop/payments", "POST", "Bearer "+fullToken, `"k\""`)
	f.Add("/integrations/shop/%2e%2e", "PUT", "Basic eDp5", "")
	f.Add("/webhooks/shop", "DELETE", "", "a b")
	table, err := newTable(Routes{Tokens: []Token{{Name: "full", Hash: access.HashOf(fullToken)}}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	g := &Gateway{limits: Limits{}.withDefaults(), log: newDiscard(), working: newLimiter(1), waiting: newLimiter(1)}
	g.table.Store(table)
	f.Fuzz(func(t *testing.T, target, method, authorization, key string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{}, Body: http.NoBody, RemoteAddr: "192.0.2.1:1"}
		r.Header["Authorization"] = []string{authorization}
		r.Header["Idempotency-Key"] = []string{key}
		rec := httptest.NewRecorder()
		g.ServeHTTP(rec, r)
		if rec.Code == 0 || rec.Code == 500 || rec.Code/100 == 3 {
			t.Fatalf("%s %q: %d %s", method, target, rec.Code, rec.Body)
		}
		for name, values := range rec.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Fatalf("header %s: %q", name, values)
			}
		}
	})
}
