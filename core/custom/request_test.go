package custom_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/sdk"
)

func TestARequestIsWhatTheDeclarationSays(t *testing.T) {
	a := serve(t, nil)
	for name, test := range map[string]struct {
		act    custom.Action
		params string
		line   string            // method and target
		header map[string]string // "": is not there
		body   string
	}{
		"values in a path are encoded": {
			custom.Action{Method: "GET", Path: "/users/{{params.id}}/x-{{params.n}}%20/"}, `{"id":"a/b c?d#é%2e","n":1.50}`,
			"GET /v1/users/a%2Fb%20c%3Fd%23%C3%A9%252e/x-1.50%20/",
			map[string]string{"Content-Type": "", "Idempotency-Key": "", "Accept": "application/json", "User-Agent": "Backflow"}, "",
		},
		"values in a query are encoded": {
			custom.Action{Method: "GET", Path: "/s", Query: json.RawMessage(`{"q":"{{params.q}}","fixed":true,"list":"{{params.list}}","none":"{{params.none?}}","null":"{{params.null}}","a b":"x{{params.q}}"}`)},
			`{"q":"a&b=c +é","list":[1,"x&y",null],"null":null}`,
			"GET /v1/s?a+b=xa%26b%3Dc+%2B%C3%A9&fixed=true&list=1&list=x%26y&q=a%26b%3Dc+%2B%C3%A9", nil, "",
		},
		"a query without values is none": {
			custom.Action{Method: "DELETE", Path: "/s", Query: json.RawMessage(`{"q":"{{params.q?}}"}`)}, `{}`, "DELETE /v1/s", nil, "",
		},
		"headers": {
			custom.Action{Method: "GET", Path: "/", Headers: json.RawMessage(`{"x-tenant":"t-{{params.t}}","Accept":"text/csv","X-None":"{{params.none?}}","User-Agent":"shop"}`)}, `{"t":7}`,
			"GET /v1/", map[string]string{"X-Tenant": "t-7", "Accept": "text/csv", "X-None": "", "User-Agent": "shop"}, "",
		},
		"a body keeps numbers as they are written": {
			custom.Action{Method: "POST", Path: "/users", IdempotencyHeader: "idempotency-key",
				Body: json.RawMessage(`{"n":"{{params.n}}","text":"n={{params.n}}","list":[1.0,"{{params.list}}"],"none":"{{params.none?}}"}`)},
			`{"n":12345678901234567890.10,"list":{"a":null}}`, "POST /v1/users",
			map[string]string{"Content-Type": "application/json", "Idempotency-Key": "key-1"},
			`{"list":[1.0,{"a":null}],"n":12345678901234567890.10,"text":"n=12345678901234567890.10"}`,
		},
		"a body may be the params": {
			custom.Action{Method: "PUT", Path: "/users", Body: json.RawMessage(`"{{params}}"`), Headers: json.RawMessage(`{"Content-Type":"application/vnd.api+json"}`)},
			`{"a":1e2}`, "PUT /v1/users", map[string]string{"Content-Type": "application/vnd.api+json", "Idempotency-Key": ""}, `{"a":1e2}`,
		},
		"a value is not expanded again": {
			custom.Action{Method: "POST", Path: "/{{params.a}}", Body: json.RawMessage(`{"a":"{{params.a}}"}`)}, `{"a":"{{params.b}}"}`,
			"POST /v1/%7B%7Bparams.b%7D%7D", nil, `{"a":"{{params.b}}"}`,
		},
		"a write without body": {
			custom.Action{Method: "POST", Path: "/x", IdempotencyHeader: "X-Key"}, `{}`, "POST /v1/x",
			map[string]string{"Content-Type": "", "X-Key": "key-1", "Content-Length": "0"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := one(t, a.URL+"/v1/", custom.Auth{}, test.act)
			if _, err := execute(t.Context(), i, test.params); err != nil {
				t.Fatal(err)
			}
			r, body := a.last(t)
			if line := r.Method + " " + r.RequestURI; line != test.line {
				t.Errorf("sent %s, want %s", line, test.line)
			}
			for name, want := range test.header {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if body != test.body {
				t.Errorf("body %s, want %s", body, test.body)
			}
		})
	}
}

func TestEachKindOfAuthenticationIsSent(t *testing.T) {
	a := serve(t, nil)
	for name, test := range map[string]struct {
		auth                  custom.Auth
		header, value, target string
	}{
		"none":   {custom.Auth{}, "Authorization", "", "/x?a=b"},
		"bearer": {custom.Bearer("tok en"), "Authorization", "Bearer tok en", "/x?a=b"},
		"basic":  {custom.Basic("user", "pass:wörd"), "Authorization", "Basic dXNlcjpwYXNzOnfDtnJk", "/x?a=b"},
		"header": {custom.Header("x-api-key", "secret"), "X-Api-Key", "secret", "/x?a=b"},
		"query":  {custom.Query("api_key", "s&cret"), "Authorization", "", "/x?a=b&api_key=s%26cret"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, query := range []string{`{"a":"b"}`, `{"a":"{{params.a}}"}`} {
				i := one(t, a.URL, test.auth, custom.Action{Method: "GET", Path: "/x", Query: json.RawMessage(query)})
				if _, err := execute(t.Context(), i, `{"a":"b"}`); err != nil {
					t.Fatal(err)
				}
				r, _ := a.last(t)
				if got := r.Header.Get(test.header); got != test.value || r.RequestURI != test.target {
					t.Errorf("%s: %q, target %s", test.header, got, r.RequestURI)
				}
			}
		})
	}
}

func TestParamsThatLeaveTheirPlaceAreRefused(t *testing.T) {
	a := serve(t, nil)
	act := custom.Action{Method: "GET", Path: "/users/{{params.id}}/x.{{params.ext ?? \"json\"}}",
		Query: json.RawMessage(`{"q":"{{params.q?}}"}`), Headers: json.RawMessage(`{"X-A":"{{params.h?}}"}`)}
	i := one(t, a.URL+"/v1", custom.Bearer("secret"), act)
	dots := one(t, a.URL, custom.Auth{}, custom.Action{Method: "GET", Path: "/users/.{{params.id}}"})
	for params, want := range map[string]string{
		`{"id":".."}`:                     "/id",
		`{"id":"."}`:                      "/id",
		`{"id":""}`:                       "/id",
		`{"id":"../admin"}`:               "/id",
		`{"id":"a/../../admin"}`:          "/id",
		`{"id":"a\\..\\b"}`:               "/id",
		`{"id":"a\r\nHost: evil"}`:        "/id",
		`{"id":"a\u0000"}`:                "/id",
		`{"id":null}`:                     "/id",
		`{"id":["a"]}`:                    "/id",
		`{}`:                              "/id",
		`{"id":"a","ext":{}}`:             "/ext",
		`{"id":"a","q":"x\r\ny"}`:         "/q",
		`{"id":"a","q":{"x":1}}`:          "/q",
		`{"id":"a","h":"x\r\nX-Evil: y"}`: "/h",
		`{"id":"a","h":"x\u007f"}`:        "/h",
		`{"id":"a","h":["x","y"]}`:        "/h",
	} {
		for _, integration := range []*custom.Integration{i, dots} {
			if integration == dots && params != `{"id":"."}` {
				continue // it has the other params
			}
			_, err := execute(t.Context(), integration, params)
			if err == nil || err.Code != sdk.CodeInvalidParams || err.Outcome != sdk.OutcomeNotExecuted || err.Retryable {
				t.Errorf("%s: %+v", params, err)
			} else if len(err.Faults) != 1 || err.Faults[0].Pointer != want {
				t.Errorf("%s: faults %+v, want one at %s", params, err.Faults, want)
			}
		}
	}
	if n := a.count(); n > 0 {
		t.Errorf("%d requests went out", n)
	}
	for _, params := range []string{`{"id":"..a"}`, `{"id":"a..b"}`, `{"id":"..."}`, `{"id":"a","q":"../x"}`} {
		if _, err := execute(t.Context(), i, params); err != nil {
			t.Errorf("%s: %v", params, err)
		}
	}
}

func TestATemplateCannotChangeWhereARequestGoes(t *testing.T) {
	other := serve(t, nil)
	a := serve(t, nil)
	host := strings.TrimPrefix(other.URL, "http://")
	for _, path := range []string{"/{{params.a}}", "/{{params.a}}/{{params.a}}", "/x{{params.a}}"} {
		i := one(t, a.URL, custom.Auth{}, custom.Action{Method: "GET", Path: path})
		for _, value := range []string{"/" + host, "//" + host, "@" + host, ":80@" + host, "http://" + host + "/", `\\` + host, "?" + host, "#" + host, "%2f%2f" + host, "*"} {
			params, err := json.Marshal(map[string]string{"a": value})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := execute(t.Context(), i, string(params)); err != nil {
				t.Errorf("%s with %s: %v", path, value, err)
			}
			if r, _ := a.last(t); r.Host != strings.TrimPrefix(a.URL, "http://") || r.URL.RawQuery != "" {
				t.Errorf("%s with %s: sent to %s, %s", path, value, r.Host, r.RequestURI)
			}
		}
	}
	if n := other.count(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestAManifestSaysWhatARepeatDoes(t *testing.T) {
	actions := map[string]custom.Action{}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		actions[strings.ToLower(method)] = custom.Action{Method: method, Path: "/"}
	}
	actions["keyedPost"] = custom.Action{Method: "POST", Path: "/", IdempotencyHeader: "X-Key"}
	actions["keyedPatch"] = custom.Action{Method: "PATCH", Path: "/", IdempotencyHeader: "X-Key"}
	actions["keyedPut"] = custom.Action{Method: "PUT", Path: "/", IdempotencyHeader: "X-Key"}
	i, err := custom.New(custom.Definition{Name: "crm", BaseURL: "https://crm", Actions: actions})
	if err != nil {
		t.Fatal(err)
	}
	type published struct {
		writes   bool
		repeat   sdk.Repeat
		lifetime time.Duration
	}
	want := map[string]published{
		"get": {}, "head": {}, "post": {true, sdk.RepeatNone, 0}, "patch": {true, sdk.RepeatNone, 0},
		"put": {true, sdk.RepeatIdempotent, 0}, "delete": {true, sdk.RepeatIdempotent, 0}, "keyedPut": {true, sdk.RepeatIdempotent, 0},
		"keyedPost": {true, sdk.RepeatNative, custom.KeyLifetime}, "keyedPatch": {true, sdk.RepeatNative, custom.KeyLifetime},
	}
	got := map[string]published{}
	for _, act := range i.Manifest().Actions {
		got[act.Name] = published{act.Writes, act.Repeat, act.KeyLifetime}
		if act.HTTP != nil {
			t.Errorf("%s is bound to %v", act.Name, act.HTTP)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParamsAreThoseThatTheTemplatesName(t *testing.T) {
	for name, test := range map[string]struct {
		act  custom.Action
		want string
	}{
		"none": {custom.Action{Method: "GET", Path: "/"}, `{"additionalProperties":false,"properties":{},"type":"object"}`},
		"everywhere": {
			custom.Action{Method: "POST", Path: "/{{params.p}}/{{params.deep.p}}", Query: json.RawMessage(`{"a":"{{params.q}}"}`), Headers: json.RawMessage(`{"b":"x{{params.h}}"}`),
				Body: json.RawMessage(`{"a":["{{params.b}} and {{params.b2}}"]}`)},
			`{"additionalProperties":false,"properties":{"b":{},"b2":{},"deep":{},"h":{},"p":{"type":["string","number","boolean"]},"q":{}},"required":["b","b2","deep","h","p","q"],"type":"object"}`,
		},
		"optional": {
			custom.Action{Method: "POST", Path: "/", Body: json.RawMessage(`{"a":"{{params.a?}}","b":"{{params.b ?? 1}}","c":"{{params.c ?? params.d}}","e":["{{params.e ?? null}}","{{params.e}}"]}`)},
			`{"additionalProperties":false,"properties":{"a":{},"b":{},"c":{},"d":{},"e":{}},"required":["d","e"],"type":"object"}`,
		},
		"whole": {
			custom.Action{Method: "POST", Path: "/{{params.id}}", Body: json.RawMessage(`"{{params}}"`)},
			`{"additionalProperties":true,"properties":{"id":{"type":["string","number","boolean"]}},"required":["id"],"type":"object"}`,
		},
		"given": {
			custom.Action{Method: "GET", Path: "/{{params.id}}", Params: json.RawMessage(`{"properties":{"id":{"type":"integer"}},"additionalProperties":false}`)},
			`{"properties":{"id":{"type":"integer"}},"additionalProperties":false}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := one(t, "https://crm", custom.Auth{}, test.act)
			if got := string(i.Manifest().Actions[0].Params); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestEverythingThatIsWrongIsToldAtItsPlace(t *testing.T) {
	_, err := custom.New(custom.Definition{
		Name: "crm", BaseURL: "ftp://crm", Auth: custom.Header("Host", "x"),
		Actions: map[string]custom.Action{
			"path":   {Method: "GET", Path: "users"},
			"chars":  {Method: "GET", Path: "/a b"},
			"query":  {Method: "GET", Path: "/a?b=c"},
			"dots":   {Method: "GET", Path: "/a/%2e%2E/b"},
			"empty":  {Method: "GET", Path: "/a//b"},
			"colon":  {Method: "GET", Path: "/users/:id/posts"},
			"colons": {Method: "GET", Path: "/v1/:userId"},
			"brace":  {Method: "GET", Path: "/users/{id}"},
			"next":   {Method: "GET", Path: "/users/[...slug]"},
			"verb":   {Method: "GET", Path: "/items:batch/{{params.id}}:cancel"},
			"inner":  {Method: "GET", Path: "/{{params.user.nmae}}", Params: json.RawMessage(`{"properties":{"user":{"$ref":"#/$defs/u"}},"$defs":{"u":{"type":"object","properties":{"name":{}},"additionalProperties":false}}}`)},
			"hex":    {Method: "GET", Path: "/100%"},
			"maybe":  {Method: "GET", Path: "/{{params.id?}}"},
			"whole":  {Method: "GET", Path: "/{{params}}"},
			"roots":  {Method: "POST", Path: "/{{input.id}}", Body: json.RawMessage(`{"a":"{{env.X}}"}`)},
			"method": {Method: "FETCH", Path: "/"},
			"body":   {Method: "GET", Path: "/", Body: json.RawMessage(`{}`), IdempotencyHeader: "X"},
			"names":  {Method: "GET", Path: "/", Headers: json.RawMessage(`{"a b":"","host":"x","X-A":"1","x-a":"2"}`)},
			"lists":  {Method: "GET", Path: "/", Headers: json.RawMessage(`{"X-A":["1","2"]}`)},
			"lines":  {Method: "GET", Path: "/", Query: json.RawMessage(`{"a":"b\nc"}`)},
			"twice":  {Method: "POST", Path: "/", IdempotencyHeader: "X-Key", Headers: json.RawMessage(`{"x-key":"a"}`)},
			"schema": {Method: "GET", Path: "/{{params.userid}}", Params: json.RawMessage(`{"properties":{"userId":{}},"additionalProperties":false}`)},
			"wrong":  {Method: "GET", Path: "/", Params: json.RawMessage(`{"type":"strin"}`)},
		},
	})
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{
		"/baseUrl: at byte 0: not an http or https URL",
		"/auth/name: at byte 0: the header Host is set by the gateway alone",
		`/actions/path/path: at byte 0: a path begins with "/"`,
		"/actions/chars/path: at byte 2: ' ' cannot stand in a path (write it as %20)",
		`/actions/query/path: at byte 2: a path has no query (write it under "query")`,
		"/actions/dots/path: at byte 0: a path has no segment . or ..",
		"/actions/empty/path: at byte 0: a path has no empty segment",
		"/actions/colon/path: at byte 7: a variable of a path is not written with a colon (write {{params.id}})",
		"/actions/colons/path: at byte 4: a variable of a path is not written with a colon (write {{params.userId}})",
		"/actions/brace/path: at byte 7: '{' cannot stand in a path (a variable of a path is written {{params.id}}, with two braces)",
		"/actions/next/path: at byte 7: '[' cannot stand in a path",
		`/actions/inner/params: at byte 0: a template reads "nmae" of params.user, which the schema does not allow (did you mean "name"?)`,
		"/actions/hex/path: at byte 1: % is not followed by two hex digits",
		"/actions/maybe/path: at byte 12: ? leaves out a field, and a path has none",
		"/actions/whole/path: at byte 0: all params together cannot stand in a path",
		`/actions/roots/path: at byte 3: "input" is not available here (available are params)`,
		"/actions/roots/body/a: at byte 2: env stands for a secret",
		`/actions/method/method: at byte 0: there is no method "FETCH"`,
		"/actions/body/body: at byte 0: a GET has no body",
		"/actions/body/idempotencyHeader: at byte 0: a GET changes nothing",
		`/actions/names/headers/a b: at byte 0: "a b" is not the name of a header`,
		"/actions/names/headers/host: at byte 0: the header host is set by the gateway alone",
		"/actions/names/headers/x-a: at byte 0: another name in other case sets this header already",
		"/actions/lists/headers: at byte 0: is a list, and the header X-A takes one value",
		"/actions/lines/query: at byte 0: holds a line end or NUL",
		"/actions/twice/headers/x-key: at byte 0: idempotencyHeader sets this header already",
		`/actions/schema/params: at byte 0: a template names the param "userid", which the schema does not allow (did you mean "userId"?)`,
		`/actions/wrong/params/type: at byte 0: not a JSON Schema: must be one of "array", "boolean",`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(err.Error(), "/actions/verb") {
		t.Error("a colon inside a segment is a fault")
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestAnActionThatIsNotThereIsToldWithTheNearest(t *testing.T) {
	i := one(t, "https://crm", custom.Auth{}, custom.Action{Method: http.MethodGet, Path: "/"})
	_, err := i.Execute(t.Context(), action.Call{Action: "acr"})
	if err == nil || !strings.Contains(err.Error(), `did you mean "act"?`) {
		t.Error(err)
	}
}
