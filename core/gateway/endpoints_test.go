package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// operationsOf lists every endpoint of a gateway, by method and path.
func operationsOf(g *Gateway) map[string]*operation {
	all := map[string]*operation{}
	for _, rt := range g.table.Load().routes {
		for method, op := range rt.operations {
			all[method+" "+op.path] = op
		}
	}
	return all
}

// withMetrics gives a gateway everything that the product's has.
func withMetrics(o *Options) {
	o.Mounts = []Mount{Metrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))}
}

// existing are the arguments of paths that name what a harness has.
var existing = map[string]string{
	"integration": "shop", "action": "getPayment", "endpoint": "payments/pay_1", "workflow": "process-order",
}

// target is a request that leads to an endpoint. An argument that is not among
// existing names what is not there, as "no-run".
func (op *operation) target() (method, path string) {
	method = op.method
	if method == "" {
		method = http.MethodGet
	}
	return method, placeholder.ReplaceAllStringFunc(op.path, func(part string) string {
		name, _ := argumentOf(part)
		if value, ok := existing[name]; ok {
			return value
		}
		return "no-" + name
	})
}

// section returns the first table of a section of docs/http.md, its cells by
// row, without the head.
func section(t *testing.T, heading string) [][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/http.md")
	must(t, err)
	_, text, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/http.md has no section %q", heading)
	}
	_, text, _ = strings.Cut(text, "\n| --- ")
	text, _, _ = strings.Cut(text, "\n\n")
	var rows [][]string
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.Trim(line, "|\n "), " | "); strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			rows = append(rows, cells)
		}
	}
	return rows
}

var (
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
	nameInForm  = regexp.MustCompile(`[A-Z]+`)
)

// TestEveryEndpointIsDocumented: docs/http.md has each with its method, path and
// scope, and no other.
func TestEveryEndpointIsDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]string{}
	for _, row := range section(t, "Paths") {
		scope := "none"
		if spans := codeSpan.FindAllStringSubmatch(row[2], -1); spans != nil {
			scope = ""
			for i, span := range spans {
				if i > 0 {
					scope += orScope
				}
				scope += span[1]
			}
			if strings.HasPrefix(row[2], "any ") {
				scope = "any " + scope
			}
		}
		name := codeSpan.FindStringSubmatch(row[0])[1]
		if rest := strings.ReplaceAll(row[0], "`"+name+"`", ""); rest != "" {
			name += rest
		}
		documented[placeholder.ReplaceAllString(strings.Replace(name, "{METHOD}", "", 1), "{}")] = scope
	}
	for name, op := range operationsOf(newHarness(t, withMetrics).Gateway) {
		switch {
		case op.path == "/webhooks/shop":
			name = "POST to the path of a webhook"
		case strings.HasSuffix(name, "/{endpoint...}"):
			name = strings.Replace(name, "/{endpoint...}", "{endpoint}", 1)
		}
		name = placeholder.ReplaceAllString(name, "{}")
		want := "none"
		if !op.public {
			want = op.needs[0].String()
			for _, other := range op.needs[1:] {
				want += orScope + other.String()
			}
			if strings.Contains(op.scope, anyName) {
				want = "any " + want
			}
		}
		if documented[name] != want {
			t.Errorf("%s needs the scope %s, documented is %q", name, want, documented[name])
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is documented, and there is no such endpoint", name)
	}
}

// TestEveryScopeIsDocumented: docs/http.md says of each what it allows, and of no
// other.
func TestEveryScopeIsDocumented(t *testing.T) {
	t.Parallel()
	var documented []string
	for _, row := range section(t, "Tokens and scopes") {
		for _, span := range codeSpan.FindAllStringSubmatch(row[0], -1) {
			documented = append(documented, span[1])
		}
	}
	if want := append(access.Forms(), "*"); !slices.Equal(documented, want) {
		t.Errorf("documented are %q, there are %q", documented, want)
	}
}

// TestEveryEndpointIsGuarded: what is not public is 401 without a token, 403
// with one that lacks its scope alone, and reached with its scope alone, or with any of
// several.
func TestEveryEndpointIsGuarded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, withMetrics)
	var all []string // but admin, which is all of them
	for _, form := range access.Forms() {
		if form != "admin" {
			all = append(all, nameInForm.ReplaceAllString(form, "*"))
		}
	}
	tokens, made := h.routes.Tokens, map[string]bool{}
	add := func(name string, granted []string) {
		if !made[name] {
			tokens = append(tokens, Token{Name: name, Hash: access.HashOf(name), Scopes: scopes(t, granted...)})
			made[name] = true
		}
	}
	needed := func(op *operation) []string {
		return strings.Split(placeholder.ReplaceAllString(op.scope, "*"), orScope)
	}
	for _, op := range operationsOf(h.Gateway) {
		if op.public {
			continue
		}
		lacked := needed(op)
		for _, scope := range lacked {
			add(scope, []string{scope})
		}
		add("no "+strings.Join(lacked, orScope), slices.DeleteFunc(slices.Clone(all), func(scope string) bool { return slices.Contains(lacked, scope) }))
	}
	h.routes.Tokens = tokens
	must(t, h.Swap(h.routes))
	guarded := 0
	for name, op := range operationsOf(h.Gateway) {
		if op.public {
			continue
		}
		guarded++
		send := func(token string) *httptest.ResponseRecorder {
			method, path := op.target()
			return h.send(method, path, "", "Authorization: "+token)
		}
		if rec := send(""); rec.Code != 401 {
			t.Errorf("%s without a token: %d", name, rec.Code)
		}
		for _, token := range []string{noneToken, "no " + strings.Join(needed(op), orScope)} {
			if rec := send("Bearer " + token); rec.Code != 403 {
				t.Errorf("%s with the token %q: %d", name, token, rec.Code)
			}
		}
		for _, scope := range needed(op) {
			if rec := send("Bearer " + scope); rec.Code == 401 || rec.Code == 403 || rec.Code == 405 {
				t.Errorf("%s with the scope %s: %d %s", name, scope, rec.Code, rec.Body)
			}
		}
	}
	if guarded < 13 {
		t.Errorf("%d endpoints need a scope", guarded)
	}
}

func TestAnEndpointSaysWhoMayUseIt(t *testing.T) {
	t.Parallel()
	find := func(*requestContext, *http.Request) (*action.Action, *action.Bound, error) { return nil, nil, nil }
	serve := func(*requestContext, http.ResponseWriter, *http.Request) error { return nil }
	good := endpoint{method: "GET", path: "/runs/{run}", scope: "runs:read", doc: "Shows.", handler: serve}
	for name, c := range map[string]struct {
		change func(*endpoint)
		reason string
	}{
		"good":                   {func(*endpoint) {}, ""},
		"public":                 {func(e *endpoint) { e.public, e.scope = true, "" }, ""},
		"argument":               {func(e *endpoint) { e.scope = "workflows:{run}:read" }, ""},
		"found action":           {func(e *endpoint) { e.scope, e.find = "integrations:{run}:{action}", find }, ""},
		"no scope":               {func(e *endpoint) { e.scope = "" }, "no scope and is not public"},
		"public with a scope":    {func(e *endpoint) { e.public = true }, "public and needs a scope"},
		"one of two scopes":      {func(e *endpoint) { e.scope = "runs:read or events:read" }, ""},
		"unknown other scope":    {func(e *endpoint) { e.scope = "runs:read or event:read" }, "not a scope"},
		"unknown scope":          {func(e *endpoint) { e.scope = "run:read" }, "not a scope"},
		"unknown part":           {func(e *endpoint) { e.scope = "runs:look" }, "not a scope"},
		"scope that is too wide": {func(e *endpoint) { e.scope = "integrations:*" }, "not a scope"},
		"argument without name":  {func(e *endpoint) { e.scope = "workflows:{}:read" }, `no argument ""`},
		"unknown argument":       {func(e *endpoint) { e.scope = "workflows:{workflow}:read" }, `no argument "workflow"`},
		"action is not found":    {func(e *endpoint) { e.scope = "integrations:{run}:{action}" }, `no argument "action"`},
		"no handler":             {func(e *endpoint) { e.handler = nil }, "no handler"},
		"no doc":                 {func(e *endpoint) { e.doc = "" }, "no documentation"},
	} {
		e := good
		c.change(&e)
		err := newRoute(e.path).add(e)
		if (err == nil) != (c.reason == "") || err != nil && !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
	public := good
	public.method, public.public, public.scope = "POST", true, ""
	rt := newRoute(good.path)
	must(t, rt.add(good))
	if rt.add(good) == nil || rt.add(public) == nil {
		t.Error("an endpoint that is there already, or one of other openness, was added")
	}
}

func TestAMountIsGuardedAndHasHeaders(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	h := newHarness(t, func(o *Options) {
		o.Mounts = []Mount{
			{Prefix: "/dashboard/", Public: true, Doc: "Shows pages.", Handler: page, Header: http.Header{"Cache-Control": {"no-cache"}, "X-Frame-Options": {"DENY"}}},
			{Prefix: "/mcp", Scope: "workflows:*:run", Methods: []string{"GET", "POST"}, Doc: "Speaks MCP.", Handler: page},
		}
	})
	for _, path := range []string{"/dashboard", "/dashboard/", "/dashboard/a/b"} {
		rec := h.send("GET", path, "", "Authorization:")
		if rec.Code != 200 || rec.Body.String() != path || rec.Header().Get("X-Frame-Options") != "DENY" || rec.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %s %v", path, rec.Code, rec.Body, rec.Header())
		}
	}
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{"GET", "/dashboard/..", "", 400},
		{"POST", "/dashboard/a", "", 405},
		{"GET", "/dashboards", fullToken, 404},
		{"POST", "/mcp", fullToken, 200},
		{"HEAD", "/mcp", fullToken, 200},
		{"DELETE", "/mcp", fullToken, 405},
		{"POST", "/mcp", noneToken, 403},
		{"POST", "/mcp", "", 401},
		{"GET", "/mcp/x", fullToken, 404},
	} {
		token := ""
		if c.token != "" {
			token = "Bearer " + c.token
		}
		if rec := h.send(c.method, c.path, "", "Authorization: "+token); rec.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, rec.Code, c.want, rec.Body)
		}
	}
	for name, m := range map[string]Mount{
		"neither scope nor public": {Prefix: "/docs", Doc: "Shows pages.", Handler: page},
		"another's path":           {Prefix: "/shop", Public: true, Doc: "Shows pages.", Handler: page},
		"a path of ours":           {Prefix: "/runs", Public: true, Doc: "Shows pages.", Handler: page},
		"no handler":               {Prefix: "/docs", Public: true, Doc: "Shows pages."},
		"no slash":                 {Prefix: "docs", Public: true, Doc: "Shows pages.", Handler: page},
	} {
		if _, err := New(Options{Services: h.services, Routes: h.routes, Mounts: []Mount{m}}); err == nil {
			t.Errorf("%s: a gateway was made", name)
		}
	}
}

// TestARequestBringsWhatItsEndpointTakes holds what the table says of queries and
// keys against what becomes of a request.
func TestARequestBringsWhatItsEndpointTakes(t *testing.T) {
	t.Parallel()
	h := newHarness(t, withMetrics)
	h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) { return json.RawMessage("{}"), nil })
	for name, op := range operationsOf(h.Gateway) {
		if op.public {
			continue
		}
		method, path := op.target()
		if op.method == "" {
			method, path = "POST", "/integrations/shop/payments"
		}
		unknown := h.send(method, path+"?no-such-name=1", "")
		refused := strings.Contains(unknown.Body.String(), "unknown name")
		if op.in.anyQuery == refused {
			t.Errorf("%s: a name that it does not take: %d %s", name, unknown.Code, unknown.Body)
		}
		for _, query := range op.in.query {
			twice := h.send(method, path+"?"+query+"=1&"+query+"=1", "")
			wantCode(t, twice, 400, codeBadRequest)
			if !strings.Contains(twice.Body.String(), query+" 2 times") {
				t.Errorf("%s: %s twice: %s", name, query, twice.Body)
			}
		}
		key := h.send(method, path, "", "Idempotency-Key: a b")
		if refused := strings.Contains(key.Body.String(), string(codeKeyInvalid)); refused != op.in.key {
			t.Errorf("%s: a wrong key: %d %s", name, key.Code, key.Body)
		}
		body := h.send(method, path, "[", "Idempotency-Key:")
		if refused := strings.Contains(body.Body.String(), string(codeInvalidJSON)); refused != (op.in.body != nil) {
			t.Errorf("%s: a body that is no JSON: %d %s", name, body.Code, body.Body)
		}
	}
}
