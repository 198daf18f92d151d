package gateway

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// ledger is an integration with tables and calls of calls.
type ledger struct{ *fakeIntegration }

func (ledger) Name() string            { return "ledger" }
func (ledger) Manifest() *sdk.Manifest { return &ledgerManifest }

var ledgerManifest = sdk.Manifest{Name: "ledger", Version: "1.0.0", Actions: []sdk.ActionSpec{
	{
		Name: "batch", Writes: true, Repeat: sdk.RepeatTransactional, ByName: true, Inner: "calls", HTTP: sdk.POST("/batch/:label"),
		Params: json.RawMessage(`{"type":"object","properties":{"label":{"type":"string"},"calls":{"type":"array"}},"required":["calls"]}`),
	},
	{
		Name: "insert", Writes: true, Repeat: sdk.RepeatTransactional, Tables: "table", HTTP: sdk.POST("/tables/:table").WithBody("data"),
		Params: json.RawMessage(`{"type":"object","properties":{"table":{"type":"string"},"data":{}},"required":["table"],"additionalProperties":false}`),
	},
	{
		Name: "list", Tables: "table", HTTP: sdk.GET("/tables/:table").WithQuery("where", "limit"),
		Params: json.RawMessage(`{"type":"object","properties":{"table":{"type":"string"},"where":{"type":"object"},"limit":{"type":"integer"}},"additionalProperties":false}`),
	},
	{Name: "query", Tables: sdk.AnyTable, Params: json.RawMessage(`{"type":"object"}`)},
	{Name: "wipe", Writes: true, Repeat: sdk.RepeatNone, ByName: true, Params: json.RawMessage(`{"type":"object"}`)},
	{Name: "ping", Params: json.RawMessage(`{"type":"object"}`)},
}}

// newLedger returns a harness with shop and ledger, and the narrow token with scopes and
// tables.
func newLedger(t *testing.T, tables []string, list ...string) *harness {
	t.Helper()
	var routes Routes
	h := newHarness(t, func(o *Options) {
		shop := o.Routes.Actions.Integrations()[0].(*fakeIntegration)
		registry, err := action.NewRegistry(shop, ledger{shop})
		must(t, err)
		o.Routes.Actions = registry
		o.Routes.Tokens[1].Scopes, o.Routes.Tokens[1].Tables = scopes(t, list...), tables
		routes = o.Routes
	})
	h.routes = routes
	return h
}

func (h *harness) asNarrow(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.send(method, target, body, append(headers, "Authorization: Bearer "+narrowToken)...)
}

// batches are the ways to call batch.
var batches = map[string]func(calls string) (target, body string){
	"by name": func(calls string) (string, string) {
		return "/integrations/ledger/actions/batch", `{"calls":` + calls + `}`
	},
	"by binding": func(calls string) (string, string) { return "/integrations/ledger/batch/a", `{"calls":` + calls + `}` },
	"by name, with query": func(calls string) (string, string) {
		return "/integrations/ledger/actions/batch?label=b", `{"calls":` + calls + `}`
	},
}

func TestACallOfCallsNeedsTheScopeOfEach(t *testing.T) {
	t.Parallel()
	for way, batch := range batches {
		for _, c := range []struct {
			scopes, calls string
			needed        []string // the scopes that are missing, each with the pointer of its call
		}{
			{"integrations:ledger:*", `[]`, []string{"integrations:ledger:batch"}},
			{"integrations:ledger:batch", `[]`, nil},
			{"integrations:ledger:batch", `[{"action":"ping"}]`, []string{"/calls/0 integrations:ledger:ping"}},
			{"integrations:ledger:batch integrations:ledger:ping", `[{"action":"ping"},{"action":"insert","params":{"table":"a"}},{"action":"list"}]`,
				[]string{"/calls/1 integrations:ledger:insert", "/calls/2 integrations:ledger:list"}},
			{"integrations:ledger:batch integrations:ledger:*", `[{"action":"ping"},{"action":"insert","params":{"table":"a"}}]`, nil},
			{"integrations:ledger:batch integrations:ledger:*", `[{"action":"ping"},{"action":"wipe"}]`, []string{"/calls/1 integrations:ledger:wipe"}},
			{"integrations:ledger:batch integrations:*:wipe", `[{"action":"wipe"}]`, nil},
			{"*", `[{"action":"wipe"},{"action":"query"}]`, nil},
			{"integrations:ledger:batch integrations:shop:ping", `[{"action":"ping"}]`, []string{"/calls/0 integrations:ledger:ping"}},
		} {
			h := newLedger(t, nil, strings.Fields(c.scopes)...)
			target, body := batch(c.calls)
			rec := h.asNarrow("POST", target, body, "Idempotency-Key: k")
			if len(c.needed) == 0 {
				wantStatus(t, rec, 200)
				h.wantCalls(1)
				continue
			}
			wantCode(t, rec, 403, sdk.CodeForbidden)
			h.wantCalls(0)
			shown := fields(t, rec.Body.Bytes())
			first := strings.Fields(c.needed[0])
			for _, part := range first {
				if !strings.Contains(shown["detail"].(string), part) {
					t.Errorf("%s, %s: %s lacks %s", way, c.scopes, rec.Body, part)
				}
			}
			if len(first) == 1 {
				continue
			}
			faults := shown["errors"].([]any)
			for i, needed := range c.needed {
				at, scope, _ := strings.Cut(needed, " ")
				fault := faults[i].(map[string]any)
				if fault["pointer"] != at || !strings.Contains(fault["message"].(string), scope+",") {
					t.Errorf("%s, %s: %v, want %s", way, c.scopes, fault, needed)
				}
			}
			if len(faults) != len(c.needed) {
				t.Errorf("%s, %s: %v", way, c.scopes, faults)
			}
		}
	}
}

func TestACallThatIsNoneIsRefusedBeforeAnythingIsRecorded(t *testing.T) {
	t.Parallel()
	for way, batch := range batches {
		h := newLedger(t, nil, "integrations:ledger:batch", "integrations:ledger:ping")
		for calls, want := range map[string]string{
			`[{"action":"ping"},{"action":"pin"}]`: "/calls/1/action", `[{"action":"batch","params":{"calls":[]}}]`: "/calls/0/action",
			`[7]`: "/calls/0", `{}`: "/calls", `[{"params":{}}]`: "/calls/0/action",
		} {
			target, body := batch(calls)
			rec := h.asNarrow("POST", target, body, "Idempotency-Key: k") // it is never recorded, so that one key does for all
			wantCode(t, rec, 422, sdk.CodeInvalidParams)
			if got := fields(t, rec.Body.Bytes())["errors"].([]any)[0].(map[string]any)["pointer"]; got != want {
				t.Errorf("%s, %s: fault at %v, want %s", way, calls, got, want)
			}
		}
		h.wantCalls(0)
		target, body := batch(`[{"action":"ping"}]`)
		wantStatus(t, h.asNarrow("POST", target, body, "Idempotency-Key: k"), 200)
	}
}

func TestATokenStaysWithinItsTables(t *testing.T) {
	t.Parallel()
	all := []string{"integrations:ledger:*", "integrations:ledger:batch", "integrations:ledger:wipe", "integrations:shop:*"}
	h := newLedger(t, []string{"orders", "payments"}, all...)
	for _, c := range []struct {
		method, target, body string
		status               int
		pointer              string
	}{
		{"POST", "/integrations/ledger/tables/orders", `{"a":1}`, 200, ""},
		{"POST", "/integrations/ledger/tables/customers", `{"a":1}`, 403, "/table"},
		{"POST", "/integrations/ledger/tables/Orders", `{"a":1}`, 403, "/table"},
		{"POST", "/integrations/ledger/tables/public.orders", `{"a":1}`, 403, "/table"},
		{"GET", "/integrations/ledger/tables/payments?table=eq.x", "", 400, ""},
		{"GET", "/integrations/ledger/tables/payments?limit=1&a=eq.1", "", 200, ""},
		{"GET", "/integrations/ledger/tables/customers", "", 403, "/table"},
		{"POST", "/integrations/ledger/actions/list?table=customers", "", 403, "/table"},
		{"POST", "/integrations/ledger/actions/list", `{"table":"orders"}`, 200, ""},
		{"POST", "/integrations/ledger/actions/list", `{}`, 403, "/table"},
		{"POST", "/integrations/ledger/actions/insert", `{}`, 422, "/table"},
		{"POST", "/integrations/ledger/actions/insert", `{"table":["orders"]}`, 422, "/table"},
		{"POST", "/integrations/ledger/actions/query", `{}`, 403, ""},
		{"POST", "/integrations/ledger/actions/ping", `{}`, 200, ""},
		{"POST", "/integrations/shop/actions/getPayment", `{"id":"a"}`, 200, ""},
		{"POST", "/integrations/ledger/actions/batch", `{"calls":[{"action":"insert","params":{"table":"orders"}},{"action":"ping"}]}`, 200, ""},
		{"POST", "/integrations/ledger/actions/batch", `{"calls":[{"action":"insert","params":{"table":"orders"}},{"action":"insert","params":{"table":"customers"}}]}`, 403, "/calls/1/params/table"},
		{"POST", "/integrations/ledger/batch/x", `{"calls":[{"action":"list","params":{"table":"customers"}}]}`, 403, "/calls/0/params/table"},
		{"POST", "/integrations/ledger/batch/x", `{"calls":[{"action":"list"}]}`, 403, "/calls/0/params/table"},
		{"POST", "/integrations/ledger/batch/x", `{"calls":[{"action":"query"}]}`, 403, "/calls/0/params"},
		{"POST", "/integrations/ledger/batch/x", `{"calls":[{"action":"insert","params":{"table":"orders"}},{"action":"list","params":{"table":"{{results[0].t}}"}}]}`, 422, "/calls/1/params/table"},
	} {
		rec := h.asNarrow(c.method, c.target, c.body)
		if rec.Code != c.status {
			t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.target, c.body, rec.Code, c.status, rec.Body)
			continue
		}
		shown := map[string]any{}
		if rec.Code != 200 {
			shown = fields(t, rec.Body.Bytes())
		}
		if rec.Code == 403 && !strings.Contains(shown["detail"].(string), "the token narrow may touch the tables orders, payments alone") {
			t.Errorf("%s %s: %s", c.method, c.target, rec.Body)
		}
		got := ""
		if faults, ok := shown["errors"].([]any); ok {
			got = faults[0].(map[string]any)["pointer"].(string)
		}
		if got != c.pointer {
			t.Errorf("%s %s %s: fault at %q, want %q", c.method, c.target, c.body, got, c.pointer)
		}
	}
}

func TestAStoredResponseIsNotForATokenThatMayNoLongerCall(t *testing.T) {
	t.Parallel()
	h := newLedger(t, nil, "integrations:ledger:*")
	insert := func() *httptest.ResponseRecorder {
		return h.asNarrow("POST", "/integrations/ledger/tables/customers", `{"a":1}`, "Idempotency-Key: k")
	}
	wantStatus(t, insert(), 200)
	wantStatus(t, insert(), 200)
	h.wantCalls(1)
	h.routes.Tokens = slices.Clone(h.routes.Tokens)
	h.routes.Tokens[1].Tables = []string{"orders"}
	must(t, h.Swap(h.routes))
	wantCode(t, insert(), 403, sdk.CodeForbidden)
}

func TestAnIntegrationIsListedToATokenWithTablesThatMayCallSomeOfIt(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{"integrations:ledger:query": false, "integrations:ledger:list": true, "integrations:ledger:ping": true} {
		h := newLedger(t, []string{"orders"}, list)
		if listed := strings.Contains(h.asNarrow("GET", "/integrations", "").Body.String(), `"ledger"`); listed != want {
			t.Errorf("%s: listed is %t", list, listed)
		}
	}
}

func TestTheViewOfAnActionShowsWhatItsBindingGathers(t *testing.T) {
	t.Parallel()
	h := newLedger(t, nil, "integrations:ledger:*")
	shown := fields(t, h.asNarrow("GET", "/integrations/ledger/actions/list", "").Body.Bytes())
	binding, _ := json.Marshal(shown["http"])
	if string(binding) != `{"method":"GET","path":"/integrations/ledger/tables/:table","query":"where","reserved":["limit"]}` || shown["tables"] != "table" {
		t.Errorf("%s, tables %v", binding, shown["tables"])
	}
	if shown := fields(t, h.send("GET", "/integrations/ledger/actions/batch", "").Body.Bytes()); shown["inner"] != "calls" {
		t.Errorf("inner is %v", shown["inner"])
	}
}
