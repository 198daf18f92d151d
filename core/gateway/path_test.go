package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
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
		"/webhooks/%73hop", "/%72uns?status=failed,cancelled", "/webhooks/a%3Bb%7E",
	} {
		f.Add(seed)
	}
	table, err := newTable(Routes{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	templates := mux.NewRouter().UseEncodedPath()
	for _, e := range endpoints() {
		templates.Path(strings.Replace(e.path, "...}", ":.*}", 1)).Name(e.path)
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
		if again, err := splitPath(&url.URL{Path: u.Path, RawPath: canonicalPath(segments)}); err != nil || !slices.Equal(again, segments) {
			t.Fatalf("%q: the segments %q are written as %q, which is %q, %v", target, segments, canonicalPath(segments), again, err)
		}
		if joined := "/" + strings.Join(segments, "/"); joined != u.Path {
			t.Fatalf("%q: segments make %q, the path is %q", target, joined, u.Path)
		}
		found := table.match(&http.Request{URL: u})
		if slices.Contains(segments, "") && isExact(found) {
			t.Fatalf("%q leads to an endpoint in spite of its empty segment", target)
		}
		// What mux makes of the same paths, as templates of its own, is the same.
		canonical := &http.Request{URL: &url.URL{Path: u.Path, RawPath: canonicalPath(segments)}}
		var want mux.RouteMatch
		if templates.Match(canonical, &want) != (found != nil) || found != nil && want.Route.GetName() != found.path {
			t.Fatalf("%q leads to %v, by mux's templates to %q", target, found, want.Route.GetName())
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
	f.Add("/%72uns?stauts=%66", "GET", "Bearer "+fullToken, "")
	table, err := newTable(Routes{Tokens: []Token{{Name: "full", Hash: access.HashOf(fullToken)}}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	g := &Gateway{limits: Limits{}.withDefaults(), log: newDiscard(), metrics: newMetrics(), working: newLimiter(1), waiting: newLimiter(1)}
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

// TestPathsMatchAlikeEverywhere: webhooks are matched as every other path is.
func TestPathsMatchAlikeEverywhere(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, path := range []struct{ method, written string }{{"POST", "/webhooks/shop"}, {"GET", "/workflows/process-order"}, {"GET", "/healthz"}} {
		allow := map[string]string{"GET": "GET, HEAD", "POST": "POST"}[path.method]
		last := path.written[strings.LastIndexByte(path.written, '/')+1:]
		escaped := strings.TrimSuffix(path.written, last) + fmt.Sprintf("%%%02X", last[0]) + last[1:]
		for target, want := range map[string]int{
			path.written:             0,
			path.written + "?":       0,
			escaped:                  0, // an encoding that was not needed
			strings.ToLower(escaped): 0,
			path.written + "/":       404,
			"/" + path.written:       404,
			strings.Replace(path.written, path.written[1:2], strings.ToUpper(path.written[1:2]), 1): 404,
			path.written + "/..":     400,
			path.written + "/%2e%2E": 400,
			path.written + "/.":      400,
			path.written + "%2F":     400,
			path.written + "%00":     400,
			path.written + "%ff":     400,
			path.written + "%20":     404,
			path.written + "%252F":   404,
			path.written + ";x=1":    404,
		} {
			rec := h.send(path.method, target, "{}", "X-Signature: bad")
			if want == 0 {
				want = map[string]int{"GET": 200, "POST": 400}[path.method] // the signature is bad
				if path.method == "POST" && !strings.Contains(rec.Body.String(), "webhook_refused") {
					t.Errorf("%s: %s", target, rec.Body)
				}
			} else if strings.Contains(rec.Body.String(), "webhook_refused") {
				t.Errorf("%s reached the webhook", target)
			}
			if rec.Code != want {
				t.Errorf("%s %s: %d, want %d: %s", path.method, target, rec.Code, want, rec.Body)
			}
		}
		other := map[string]string{"GET": "POST", "POST": "GET"}[path.method]
		for _, method := range []string{other, "PUT", "DELETE", "OPTIONS", "PATCH"} {
			rec := h.send(method, escaped, "")
			if rec.Code != 405 || rec.Header().Get("Allow") != allow {
				t.Errorf("%s %s: %d, allow %q", method, escaped, rec.Code, rec.Header().Get("Allow"))
			}
		}
	}
}

func TestAnUnknownNameInAQueryIsNamed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	run := fields(t, h.send("POST", startPath, `{"amount":1}`).Body.Bytes())["id"].(string)
	for target, want := range map[string]string{
		"GET /runs?stauts=failed":                     `\"stauts\" (did you mean \"status\"?)`,
		"GET /runs?xyzzy=1":                           `\"xyzzy\" (known: workflow, status, since, limit, cursor)`,
		"GET /runs/" + run + "?wait=1s":               `\"wait\" (none is known)`,
		"GET /runs/" + run + "/stream?x":              `\"x\" (none is known)`,
		"GET /workflows?limit=1":                      `\"limit\" (none is known)`,
		"GET /workflows/process-order?x=1":            `\"x\" (none is known)`,
		"GET /integrations?x=1":                       `\"x\" (none is known)`,
		"GET /integrations/shop?x=1":                  `\"x\" (none is known)`,
		"POST " + startPath + "?wiat=1s":              `\"wiat\" (did you mean \"wait\"?)`,
		"POST /runs/" + run + "/cancel?wait=1s&now=1": `\"now\" (known: wait)`,
		"POST /runs/" + run + "/signals/x?wait=1s":    `\"wait\" (none is known)`,
		"GET /runs?Status=failed":                     `\"Status\" (did you mean \"status\"?)`,
		"GET /runs?status%20=failed":                  `\"status \" (did you mean \"status\"?)`,
	} {
		method, path, _ := strings.Cut(target, " ")
		rec := h.send(method, path, "")
		wantCode(t, rec, 400, codeBadRequest)
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %s", target, rec.Body)
		}
	}
	// The params of an action are refused by its schema, and named as well.
	for _, target := range []string{"GET /integrations/shop/payments/pay_1?limti=1", "POST " + paymentsPath + "?amuont=1", "POST /integrations/shop/actions/getPayment?limti=1&id=x"} {
		method, path, _ := strings.Cut(target, " ")
		rec := h.send(method, path, "")
		wantCode(t, rec, 422, sdk.CodeInvalidParams)
		if !strings.Contains(rec.Body.String(), "limti") && !strings.Contains(rec.Body.String(), "amuont") {
			t.Errorf("%s: %s", target, rec.Body)
		}
	}
	for _, target := range []string{"GET /healthz?x=1", "GET /readyz?verbose=1"} {
		method, path, _ := strings.Cut(target, " ")
		wantStatus(t, h.send(method, path, ""), 200)
	}
	rec := h.send("POST", "/webhooks/shop?source=vendor&source=x", "{}", "X-Signature: bad")
	wantCode(t, rec, 400, codeWebhookRefused) // its signature was looked at
}

// TestAQueryIsUTF8: what is not would become another text in the params, one that selects
// something else.
func TestAQueryIsUTF8(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, target := range []string{"GET /integrations/shop/payments/pay_1?expand=%FF", "GET /integrations/shop/payments/pay_1?%ED%A0%80=x", "GET /runs?status=%C0%80"} {
		method, path, _ := strings.Cut(target, " ")
		rec := h.send(method, path, "")
		wantCode(t, rec, 400, codeBadRequest)
		if !strings.Contains(rec.Body.String(), "not UTF-8") {
			t.Errorf("%s: %s", target, rec.Body)
		}
	}
}

func TestTheCharsetOfABodyIsUTF8HoweverItIsWritten(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json;charset=utf-8": 200, "application/json; charset=UTF-8": 200, `application/json; charset="utf-8"`: 200,
		"application/json; charset=utf8": 200, "application/json; charset=UTF8": 200, `application/json;charset="Utf8"`: 200, "Application/JSON; CharSet=utf8": 200,
		"application/vnd.api+json; charset=utf8": 200,
		"application/json; charset=latin1":       415, "application/json; charset=utf-16": 415, "application/json; charset=utf7": 415,
		"application/json; charset=us-ascii": 415, `application/json; charset=" utf-8"`: 415, "text/json; charset=utf8": 415,
		"application/json; charset=utf-8; charset=latin1": 415,
	} {
		if rec := h.send("POST", paymentsPath, `{"amount":1}`, "Content-Type: "+contentType); rec.Code != want {
			t.Errorf("%s: %d %s", contentType, rec.Code, rec.Body)
		}
	}
}

// TestTheAccessLogNamesTheToken by its name, and never shows the token.
func TestTheAccessLogNamesTheToken(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.send("GET", "/runs?status=failed", "")
	h.send("GET", "/runs", "", "Authorization: Bearer "+narrowToken) // 403
	h.send("GET", "/runs", "", "Authorization: Bearer not-known-at-all")
	log := h.log.String()
	for token, n := range map[string]int{"full": 1, "narrow": 1} {
		if strings.Count(log, `"token":"`+token+`"`) != n {
			t.Errorf("%s: %s", token, log)
		}
	}
	if strings.Contains(log, fullToken) || strings.Contains(log, narrowToken) || strings.Contains(log, "not-known-at-all") || strings.Contains(log, "status=failed") {
		t.Errorf("%s", log)
	}
}
