package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestScopeGrants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, permission string // "" between colons asks for some
		want              bool
	}{
		{"integrations:shop:pay", "integrations:shop:pay", true},
		{"integrations:shop:pay", "integrations:shop:refund", false},
		{"integrations:shop:pay", "integrations:shopping:pay", false},
		{"integrations:shop:pay", "integrations:shop:*", false},
		{"integrations:shop:pay", "integrations:shop:", true},
		{"integrations:shop:pay", "integrations::", true},
		{"integrations:shop:pay", "integrations:other:", false},
		{"integrations:shop:*", "integrations:shop:pay", true},
		{"integrations:shop:*", "integrations:other:pay", false},
		{"integrations:*:pay", "integrations:other:pay", true},
		{"integrations:*:pay", "integrations:other:refund", false},
		{"integrations:*", "integrations:shop:pay", true},
		{"integrations:*", "workflows:a:run", false},
		{"workflows:process-order:run", "workflows:process-order:run", true},
		{"workflows:process-order:run", "workflows:process-order:read", false},
		{"workflows:*:read", "workflows::read", true},
		{"workflows:*:run", "workflows::read", false},
		{"workflows:a:*", "workflows:a:run", true},
		{"runs:read", "runs:read", true},
		{"runs:read", "runs:write", false},
		{"runs:*", "runs:write", true},
		{"events:read", "runs:read", false},
		{"*", "runs:write", true},
		{"admin", "integrations:shop:pay", true},
	} {
		scope, err := ParseScope(c.scope)
		if err != nil {
			t.Error(err)
			continue
		}
		if scope.String() != c.scope {
			t.Errorf("%s is written %s", c.scope, scope)
		}
		if got := scope.Grants(strings.Split(c.permission, ":")...); got != c.want {
			t.Errorf("%s grants %s: %v", c.scope, c.permission, got)
		}
	}
	if (Scope{}).Grants("runs", "read") || (Scope{}).Grants() {
		t.Error("the zero scope grants something")
	}
}

func TestScopesAreChecked(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		"":                        "each part",
		":":                       "each part",
		"integrations:":           "each part",
		"integrations:a b:c":      "each part",
		"integrations:get*:x":     "each part",
		"integration:shop:pay":    "unknown kind",
		"integrations":            "followed by 2 parts",
		"integrations:shop":       "followed by 2 parts",
		"integrations:shop:pay:x": "followed by 2 parts",
		"workflows:a":             "followed by 2 parts",
		"workflows:a:execute":     "unknown permission",
		"runs":                    "followed by 1 parts",
		"runs:delete":             "unknown permission",
		"admin:x":                 "followed by 0 parts",
		"*:read":                  "followed by 0 parts",
		"routes:x":                "no routes",
	} {
		if _, err := ParseScope(scope); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", scope, err, want)
		}
	}
}

func TestOnlyKnownTokensAreLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name    string
		headers http.Header
		want    int
	}{
		{"bearer", http.Header{"Authorization": {"Bearer " + fullToken}}, 200},
		{"scheme in another case", http.Header{"Authorization": {"bearer  " + fullToken}}, 200},
		{"api key", http.Header{"X-Api-Key": {fullToken}}, 200},
		{"nothing", nil, 401},
		{"empty api key", http.Header{"X-Api-Key": {""}}, 401},
		{"wrong token", http.Header{"Authorization": {"Bearer " + fullToken + "x"}}, 401},
		{"the hash itself", http.Header{"Authorization": {"Bearer " + HashToken(fullToken)}}, 401},
		{"empty token", http.Header{"Authorization": {"Bearer "}}, 401},
		{"basic", http.Header{"Authorization": {"Basic " + fullToken}}, 401},
		{"token without scheme", http.Header{"Authorization": {fullToken}}, 401},
		{"wrong bearer beside a right api key", http.Header{"Authorization": {"Bearer x"}, "X-Api-Key": {fullToken}}, 401},
		{"two tokens", http.Header{"Authorization": {"Bearer " + fullToken, "Bearer x"}}, 401},
		{"two api keys", http.Header{"X-Api-Key": {fullToken, fullToken}}, 401},
	} {
		r := request("GET", "/runs", "", "Authorization:")
		for name, values := range c.headers {
			r.Header[name] = values
		}
		rec := serve(w, r)
		if rec.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, rec.Code, c.want)
		}
		if challenge := rec.Header().Get("WWW-Authenticate"); (rec.Code == 401) != strings.HasPrefix(challenge, `Bearer realm="backflow"`) {
			t.Errorf("%s: WWW-Authenticate %q", c.name, challenge)
		}
	}
	if log := w.log.String(); strings.Contains(log, fullToken) {
		t.Error("a token is in the log")
	}
}

func TestWithoutTokensNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Routes.Tokens = nil })
	for _, target := range []string{"/runs", "/integrations", "/workflows", "/nothing", "/integrations/shop/payments/x"} {
		wantStatus(t, w.send("GET", target, ""), 401)
		wantStatus(t, w.send("GET", target, "", "Authorization:"), 401)
	}
	wantStatus(t, w.send("GET", "/healthz", "", "Authorization:"), 200)
	if len(w.shop.called()) > 0 {
		t.Error("something was called")
	}
}

// TestNothingIsToldBeforeAuthentication: without a token, what is there and
// what is not look the same.
func TestNothingIsToldBeforeAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var first string
	for _, target := range []string{"/integrations/shop", "/integrations/none", "/nothing", "/integrations/shop/payments", "/workflows/process-order", "/runs/x"} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			rec := w.send(method, target, "", "Authorization:")
			wantStatus(t, rec, 401)
			if first == "" {
				first = rec.Body.String()
			}
			if rec.Body.String() != first {
				t.Errorf("%s %s: %s", method, target, rec.Body)
			}
		}
	}
}

func TestCallersStayWithinTheirScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		token, method, target string
		want                  int
		needed                string
	}{
		{narrowToken, "GET", "/integrations/shop/payments/pay_1", 200, ""},
		{narrowToken, "POST", "/integrations/shop/actions/getPayment?id=x", 200, ""},
		{narrowToken, "GET", "/integrations", 200, ""},
		{narrowToken, "GET", "/integrations/shop", 200, ""},
		{narrowToken, "POST", "/integrations/shop/payments", 403, "integrations:shop:createPayment"},
		{narrowToken, "DELETE", "/integrations/shop/payments/x", 403, "integrations:shop:cancelPayment"},
		{narrowToken, "POST", "/integrations/shop/actions/nothing", 403, "integrations:shop:nothing"},
		{narrowToken, "GET", "/integrations/none", 403, "integrations:none:*"},
		{narrowToken, "POST", "/integrations/none/x", 403, "integrations:none:*"},
		{narrowToken, "POST", "/integrations/*/actions/*", 403, "integrations:*:*"},
		{narrowToken, "POST", "/workflows/process-order/runs", 403, "workflows:process-order:run"},
		{narrowToken, "POST", "/workflows/other/runs", 404, ""},
		{narrowToken, "GET", "/workflows", 403, "workflows:*:read"},
		{narrowToken, "GET", "/workflows/other", 403, "workflows:other:read"},
		{narrowToken, "GET", "/runs", 403, "runs:read"},
		{narrowToken, "GET", "/runs/x", 403, "runs:read"},
		{noneToken, "GET", "/integrations", 403, "integrations:*:*"},
		{noneToken, "GET", "/integrations/shop/payments/pay_1", 403, "integrations:shop:*"},
		{noneToken, "GET", "/nothing", 404, ""},
		{noneToken, "GET", "/readyz", 200, ""},
	} {
		rec := w.send(c.method, c.target, "", "Authorization: Bearer "+c.token)
		if rec.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.target, rec.Code, c.want, rec.Body)
			continue
		}
		if c.needed != "" && !strings.Contains(rec.Body.String(), "needs the scope "+c.needed+",") {
			t.Errorf("%s %s: %s, want %s", c.method, c.target, rec.Body, c.needed)
		}
	}
	for _, call := range w.shop.called() {
		if call.Action != "getPayment" {
			t.Errorf("%s was called", call.Action)
		}
	}
}

func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	good := HashToken("a")
	for name, tokens := range map[string][]Token{
		"no name":         {{Hash: good}},
		"name twice":      {{Name: "a", Hash: good}, {Name: "a", Hash: HashToken("b")}},
		"hash twice":      {{Name: "a", Hash: good}, {Name: "b", Hash: good}},
		"no hash":         {{Name: "a"}},
		"token as a hash": {{Name: "a", Hash: "secret-token"}},
		"short hash":      {{Name: "a", Hash: good[:20]}},
		"other algorithm": {{Name: "a", Hash: strings.Replace(good, "sha256", "sha512", 1)}},
	} {
		_, err := newAuthenticator(tokens)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: the token is in the error", name)
		}
	}
	if good != "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" {
		t.Error(good)
	}
}

func TestHeaderValuesCannotBeForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := w.send("POST", "/integrations/shop%22,x=%22/actions/%C3%A9", "", "Authorization: Bearer "+noneToken)
	wantStatus(t, rec, 403)
	want := `Bearer realm="backflow", error="insufficient_scope", scope="integrations:shop?,x=?:?"`
	if got := rec.Header().Get("WWW-Authenticate"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:5", nil, "192.0.2.7"},
		{"192.0.2.7:5", []string{"198.51.100.1"}, "192.0.2.7"},
		{"10.1.1.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.1.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.1.1.1:5", []string{"203.0.113.9, 198.51.100.1", "10.2.2.2"}, "198.51.100.1"},
		{"10.1.1.1:5", []string{"10.3.3.3"}, "10.3.3.3"},
		{"10.1.1.1:5", []string{"no address"}, "10.1.1.1"},
		{"10.1.1.1:5", nil, "10.1.1.1"},
		{"[::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:10.1.1.1]:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"@", nil, ""},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": slices.Clone(c.forwarded)}}
		if got := clientAddress(r, trusted); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
