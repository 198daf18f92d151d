package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/sdk"
)

func TestOnlyKnownTokensAreLetIn(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
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
		{"the hash itself", http.Header{"Authorization": {"Bearer " + access.HashOf(fullToken).String()}}, 401},
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
		rec := serve(h, r)
		if rec.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, rec.Code, c.want)
		}
		if challenge := rec.Header().Get("WWW-Authenticate"); (rec.Code == 401) != strings.HasPrefix(challenge, `Bearer realm="backflow"`) {
			t.Errorf("%s: WWW-Authenticate %q", c.name, challenge)
		}
	}
	if log := h.log.String(); strings.Contains(log, fullToken) {
		t.Error("a token is in the log")
	}
}

func TestWithoutTokensNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Routes.Tokens = nil })
	for _, target := range []string{"/runs", "/integrations", "/workflows", "/nothing", "/integrations/shop/payments/x"} {
		wantStatus(t, h.send("GET", target, ""), 401)
		wantStatus(t, h.send("GET", target, "", "Authorization:"), 401)
	}
	wantStatus(t, h.send("GET", "/healthz", "", "Authorization:"), 200)
	if len(h.integration.called()) > 0 {
		t.Error("something was called")
	}
}

// TestNothingIsDisclosedBeforeAuthentication: without a token, what is there and
// what is not look the same.
func TestNothingIsDisclosedBeforeAuthentication(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var first string
	for _, target := range []string{"/integrations/shop", "/integrations/none", "/nothing", "/integrations/shop/payments", "/workflows/process-order", "/runs/x"} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			rec := h.send(method, target, "", "Authorization:")
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
	h := newHarness(t)
	for _, c := range []struct {
		token, method, target string
		want                  int
		needed                string
	}{
		{narrowToken, "GET", "/integrations/shop/payments/pay_1", 200, ""},
		{narrowToken, "POST", "/integrations/shop/actions/getPayment?id=x", 200, ""},
		{narrowToken, "GET", "/integrations", 200, ""},
		{narrowToken, "GET", "/integrations/shop", 200, ""},
		{narrowToken, "GET", "/integrations/shop/actions/getPayment", 200, ""},
		{narrowToken, "GET", "/integrations/shop/actions/createPayment", 403, "integrations:shop:createPayment"},
		{narrowToken, "POST", "/integrations/shop/payments", 403, "integrations:shop:createPayment"},
		{narrowToken, "DELETE", "/integrations/shop/payments/x", 403, "integrations:shop:cancelPayment"},
		{narrowToken, "POST", "/integrations/shop/actions/nothing", 403, "integrations:shop:nothing"},
		{narrowToken, "GET", "/integrations/none", 403, "integrations:none:ACTION"},
		{narrowToken, "POST", "/integrations/none/x", 403, "integrations:none:ACTION"},
		{narrowToken, "POST", "/integrations/*/actions/*", 403, "integrations:*:*"},
		{narrowToken, "POST", "/workflows/process-order/runs", 403, "workflows:process-order:run"},
		{narrowToken, "POST", "/workflows/other/runs", 404, ""},
		{narrowToken, "GET", "/workflows", 403, "workflows:ID:read"},
		{narrowToken, "GET", "/workflows/other", 403, "workflows:other:read"},
		{narrowToken, "GET", "/runs", 403, "runs:read"},
		{narrowToken, "GET", "/runs/x", 403, "runs:read"},
		{narrowToken, "GET", "/runs/x/stream", 403, "runs:read"},
		{narrowToken, "POST", "/runs/x/cancel", 403, "runs:write"},
		{narrowToken, "POST", "/runs/x/retry", 403, "runs:write"},
		{narrowToken, "POST", "/runs/x/signals/go", 403, "runs:write"},
		{noneToken, "GET", "/integrations", 403, "integrations:NAME:ACTION"},
		{noneToken, "GET", "/integrations/shop/payments/pay_1", 403, "integrations:shop:ACTION"},
		{noneToken, "GET", "/nothing", 404, ""},
		{noneToken, "GET", "/readyz", 200, ""},
	} {
		rec := h.send(c.method, c.target, "", "Authorization: Bearer "+c.token)
		if rec.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.target, rec.Code, c.want, rec.Body)
			continue
		}
		if c.needed != "" && !strings.Contains(rec.Body.String(), " scope "+c.needed+",") {
			t.Errorf("%s %s: %s, want %s", c.method, c.target, rec.Body, c.needed)
		}
	}
	for _, call := range h.integration.called() {
		if call.Action != "getPayment" {
			t.Errorf("%s was called", call.Action)
		}
	}
}

func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	good := access.HashOf("a")
	for name, tokens := range map[string][]Token{
		"no name":    {{Hash: good}},
		"name twice": {{Name: "a", Hash: good}, {Name: "a", Hash: access.HashOf("b")}},
		"hash twice": {{Name: "a", Hash: good}, {Name: "b", Hash: good}},
		"no hash":    {{Name: "a"}},
	} {
		if _, err := newAuthenticator(tokens); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestHeaderValuesCannotBeForged(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	rec := h.send("POST", "/integrations/shop%22,x=%22/actions/%C3%A9", "", "Authorization: Bearer "+noneToken)
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

// TestAnActionThatIsGrantedByNameNeedsItsName: whichever way it is called.
func TestAnActionThatIsGrantedByNameNeedsItsName(t *testing.T) {
	t.Parallel()
	for list, c := range map[string]struct {
		call, other int
		listed      bool
	}{
		"integrations:shop:call":   {200, 403, true},
		"integrations:*:call":      {200, 403, true},
		"admin":                    {200, 200, true},
		"*":                        {200, 200, true},
		"integrations:shop:*":      {403, 200, true},
		"integrations:*":           {403, 200, true},
		"integrations:*:*":         {403, 200, true},
		"integrations:other:call":  {403, 403, false},
		"integrations:*:something": {403, 403, false},
	} {
		h := newHarness(t, func(o *Options) { o.Routes.Tokens[1].Scopes = scopes(t, list) })
		as := "Authorization: Bearer " + narrowToken
		for _, path := range []string{"/integrations/shop/call", "/integrations/shop/actions/call"} {
			rec := h.send("POST", path, `{"do":"getThing"}`, as)
			if rec.Code != c.call {
				t.Errorf("%s: %s is %d, want %d", list, path, rec.Code, c.call)
			}
			if body := rec.Body.String(); rec.Code == 403 && c.listed && !strings.Contains(body, "this needs the scope integrations:shop:call, which the token narrow does not have") {
				t.Errorf("%s: %s", list, body)
			}
			if told := strings.Contains(rec.Body.String(), "no scope with * in place of the action's name grants it"); told != (c.call == 403 && c.other == 200) {
				t.Errorf("%s: %s", list, rec.Body)
			}
		}
		if rec := h.send("POST", paymentsPath, `{"amount":1}`, as); rec.Code != c.other {
			t.Errorf("%s: another action is %d, want %d", list, rec.Code, c.other)
		}
		if listed := strings.Contains(h.send("GET", "/integrations", "", as).Body.String(), `"shop"`); listed != c.listed {
			t.Errorf("%s: the integration is listed: %t", list, listed)
		}
	}
}

func TestAnIntegrationOfActionsByNameIsListedToThoseWhoMayCallOne(t *testing.T) {
	t.Parallel()
	m := &sdk.Manifest{Actions: []sdk.ActionSpec{{Name: "call", ByName: true}}}
	for scope, want := range map[string]bool{"integrations:shop:*": false, "integrations:*:call": true, "admin": true} {
		c := &caller{scopes: scopes(t, scope)}
		if c.mayCallAny("shop", m) != want {
			t.Errorf("%s: %t", scope, !want)
		}
		if !c.mayCallAny("shop", nil) {
			t.Errorf("%s: not while nothing is published", scope)
		}
	}
}
