package openapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk/value"
)

func stripes(t testing.TB) *openapi.Description {
	t.Helper()
	d, err := openapi.Parse(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryOperationOfStripesDescriptionIsUnderstood(t *testing.T) {
	t.Parallel()
	d := stripes(t)
	if len(d.IDs()) != 507 || d.Version() != "2023-10-16" {
		t.Errorf("%d operations of %s", len(d.IDs()), d.Version())
	}
	var deprecated, files, binary, multipart []string
	var byID, byToken, silent int
	for _, id := range d.IDs() {
		o := d.Operation(id)
		params, err := o.Params()
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := params.Faults(map[string]any{}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if o.Deprecated() {
			deprecated = append(deprecated, id)
		}
		if o.Host() == openapi.HostFiles {
			files = append(files, id)
		}
		if !o.RespondsJSON() {
			binary = append(binary, id)
		}
		if params.Multipart() {
			multipart = append(multipart, id)
		}
		switch params.Paged() {
		case openapi.PagedByID:
			byID++
		case openapi.PagedByToken:
			byToken++
		}
		if strings.ContainsAny(o.Summary(), "<>") {
			t.Errorf("%s: %q", id, o.Summary())
		}
		if o.Summary() == "" {
			silent++
		}
	}
	if diff := cmp.Diff([][]string{
		{
			"GetCustomersCustomerBankAccounts", "GetCustomersCustomerBankAccountsId", "GetCustomersCustomerCards", "GetCustomersCustomerCardsId",
			"PostIssuingAuthorizationsAuthorizationApprove", "PostIssuingAuthorizationsAuthorizationDecline",
		},
		{"GetQuotesQuotePdf", "PostFiles"}, {"GetQuotesQuotePdf"}, {"PostFiles"},
	}, [][]string{deprecated, files, binary, multipart}); diff != "" {
		t.Error(diff)
	}
	if byID < 90 || byToken != 7 || silent > 5 {
		t.Errorf("%d lists, %d searches, %d without a text", byID, byToken, silent)
	}
}

// one returns the params of the operation "PostX" of a description with this operation
// and these schemas.
func one(t *testing.T, operation, schemas string) (*openapi.Params, error) {
	t.Helper()
	d, err := openapi.Parse([]byte(`{"openapi":"3.1.0","info":{"version":"1"},"paths":{"/v1/x/{id}":{"post":` + operation + `}},"components":{"schemas":{` + schemas + `}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return d.Operation("PostX").Params()
}

func TestParamsAreOneFlatObject(t *testing.T) {
	t.Parallel()
	params, err := one(t, `{"operationId":"PostX","parameters":[
		{"name":"id","in":"path","required":true,"schema":{"type":"string","maxLength":5000}},
		{"name":"q","in":"query","required":true,"schema":{"type":"array","items":{"type":"string"}}},
		{"name":"r","in":"query","style":"deepObject","explode":true,"schema":{"type":"array","items":{"type":"string"}}},
		{"name":"Stripe-Version","in":"header","schema":{"type":"string"}}],
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/body"}}}}}`,
		`"body":{"type":"object","required":["a"],"properties":{
			"a":{"$ref":"#/components/schemas/node"},
			"b":{"allOf":[{"$ref":"#/components/schemas/node"},{"type":"object","properties":{"more":{"type":"number","minimum":0,"exclusiveMinimum":true}}}],"nullable":true},
			"c":{"type":["string","null"],"default":"x","const":"c"}}},
		"node":{"type":"object","properties":{"child":{"$ref":"#/components/schemas/node"},"n":{"type":"integer","maximum":9}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]openapi.Where{"id": openapi.InPath, "q": openapi.InQuery, "a": openapi.InBody, "Stripe-Version": openapi.InNothing} {
		if params.Where(name) != want {
			t.Errorf("%s is in %d", name, params.Where(name))
		}
	}
	if !params.JSON() || !params.Repeated("q") || params.Repeated("r") || params.Repeated("a") {
		t.Error("the form of the body, or of lists")
	}
	for given, want := range map[string]string{
		`{"id":"x","q":["1"],"a":{}}`:                                        "",
		`{"id":"x","q":[],"a":{"child":{"child":{"n":9}}}}`:                  "",
		`{"id":"x","q":[],"a":{"child":{"child":{"n":10}}}}`:                 "/a/child/child/n",
		`{"id":"x","q":[],"a":{"child":{"child":{"m":9}}}}`:                  "/a/child/child/m",
		`{"id":"x","q":[],"a":{},"b":{"child":{},"n":1,"more":0.5}}`:         "",
		`{"id":"x","q":[],"a":{},"b":{"child":{},"n":1,"more":0}}`:           "/b/more",
		`{"id":"x","q":[],"a":{},"b":{"nothing":{}}}`:                        "/b/nothing",
		`{"id":"x","q":[],"a":{},"b":null,"c":"c"}`:                          "",
		`{"id":"x","q":[],"a":{},"c":"d"}`:                                   "/c",
		`{"id":"x","q":[]}`:                                                  "/a",
		`{"id":"","q":[],"a":{}}`:                                            "/id",
		`{"id":"` + strings.Repeat("x", 256) + `","q":[],"a":{}}`:            "/id",
		`{"id":"x","q":[],"a":{},"Stripe-Version":"2023-10-16"}`:             "/Stripe-Version",
		`{"id":"x","q":[],"a":{},"d":1}`:                                     "/d",
		`{"id":"x","q":"1","a":{}}`:                                          "/q",
		`{"id":"` + strings.Repeat("ü", 255) + `","q":["1","2"],"a":{}}`:     "",
		`{"id":"x","q":[],"a":{"child":{}},"b":{"child":{"child":{"n":0}}}}`: "",
	} {
		document, err := value.Parse([]byte(given))
		if err != nil {
			t.Fatal(err)
		}
		faults, err := params.Faults(document)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(faults) > 0 {
			got = faults[0].Pointer
		}
		if got != want {
			t.Errorf("%.100s: %v, want %q", given, faults, want)
		}
	}
	// The schema is the caller's, to change.
	changed := params.Schema()
	changed["properties"].(map[string]any)["a"] = false
	if params.Schema()["properties"].(map[string]any)["a"] == false {
		t.Error("the schema is shared")
	}
}

// TestWhatIsNotUnderstoodIsRefusedByName: no rule is lost unseen, no param is put into
// a place that was guessed, and no key is sent where it does not belong.
func TestWhatIsNotUnderstoodIsRefusedByName(t *testing.T) {
	t.Parallel()
	const id = `{"name":"id","in":"path","required":true,"schema":{"type":"string"}}`
	body := func(schema string) string {
		return `{"operationId":"PostX","parameters":[` + id + `],"requestBody":{"content":{"application/json":{"schema":` + schema + `}}}}`
	}
	for name, test := range map[string]struct{ operation, want string }{
		"a name in path and body":  {body(`{"type":"object","properties":{"id":{"type":"string"}}}`), `two params called "id"`},
		"a name in path and query": {`{"operationId":"PostX","parameters":[` + id + `,{"name":"id","in":"query","schema":{"type":"string"}}]}`, `two params called "id"`},
		"a name that no one gives": {`{"operationId":"PostX"}`, "its path has {id}"},
		"a name without a place":   {`{"operationId":"PostX","parameters":[` + id + `,{"name":"other","in":"path","schema":{"type":"string"}}]}`, "its path has no {other}"},
		"a cookie":                 {`{"operationId":"PostX","parameters":[` + id + `,{"name":"c","in":"cookie","schema":{"type":"string"}}]}`, `it is in "cookie"`},
		"an unknown keyword":       {body(`{"type":"object","properties":{"a":{"type":"string","beware":1}}}`), "a: beware: unknown keyword"},
		"one far inside":           {body(`{"type":"object","properties":{"a":{"type":"array","items":{"anyOf":[{"beware":1}]}}}}`), "beware: unknown keyword"},
		"a reference that is away": {body(`{"type":"object","properties":{"a":{"$ref":"https://example.com/x"}}}`), "is not a schema under"},
		"one to a file":            {body(`{"$ref":"file:///etc/passwd"}`), "the description has no file:///etc/passwd"},
		"one to nothing":           {body(`{"type":"object","properties":{"a":{"$ref":"#/components/schemas/none"}}}`), "has no #/components/schemas/none"},
		"a body that is a list":    {body(`{"type":"array","items":{"type":"string"}}`), "not an object of named properties"},
		"a body with a rule":       {body(`{"type":"object","minProperties":1,"properties":{}}`), `the body itself has the keyword "minProperties"`},
		"a body of any names":      {body(`{"type":"object","additionalProperties":{"type":"string"}}`), "not an object of named properties"},
		"a body of XML":            {`{"operationId":"PostX","parameters":[` + id + `],"requestBody":{"content":{"application/xml":{"schema":{"type":"object"}}}}}`, "no content type that is known"},
		"another host":             {`{"operationId":"PostX","servers":[{"url":"https://api.stripe.com.example.com/"}],"parameters":[` + id + `]}`, "no key is sent"},
		"a schema that is a text":  {body(`{"type":"object","properties":{"a":"string"}}`), "not a schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := one(t, test.operation, ""); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "PostX") {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
	for path, want := range map[string]string{"/v1/x": "", "/v1/../x": "is not one of Stripe's", "/v1/x?y=z": "is not one of Stripe's", "//evil/v1": "is not one of Stripe's", "/v1/a{id}b": "is not one of Stripe's"} {
		d, err := openapi.Parse([]byte(`{"openapi":"3.0.0","info":{"version":"1"},"paths":{"` + path + `":{"post":{"operationId":"PostX"}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Operation("PostX").Params(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestAnIDSaysWhatItsOperationIs: how a call is treated follows from its operationId.
func TestAnIDSaysWhatItsOperationIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, method, id, want string }{
		{"/v1/x", "post", "PostX", ""},
		{"/v2/x", "post", "PostV2X", ""},
		{"/v2/x", "delete", "DeleteV2X", ""},
		{"/v1/x", "post", "GetX", `does not begin with "Post"`},
		{"/v1/x", "delete", "PostX", `does not begin with "Delete"`},
		{"/v2/x", "post", "PostX", `does not begin with "PostV2"`},
		{"/v1/x", "post", "PostV2X", `begins with "PostV2"`},
		{"/v1/x", "delete", "DeleteV2X", `begins with "DeleteV2"`},
	} {
		d, err := openapi.Parse(fmt.Appendf(nil, `{"openapi":"3.0.0","info":{"version":"1"},"paths":{%q:{%q:{"operationId":%q}}}}`, test.path, test.method, test.id))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Operation(test.id).Params(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %s %s: %v, want …%s…", test.id, test.method, test.path, err, test.want)
		}
	}
}

// FuzzDescription: whatever a file holds, it is read or refused, in bounded time.
func FuzzDescription(f *testing.F) {
	cut, err := os.ReadFile("../../testdata/v2.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cut)
	f.Add([]byte(`{"openapi":"3.0.0","info":{"version":"1"},"paths":{"/v1/x":{"get":{"operationId":"GetX","parameters":[{"name":"a","in":"query","schema":{"anyOf":[{"type":"integer"},{"enum":[""]}]}}]}}}}`))
	f.Add([]byte(`{"openapi":"3.0.0","info":{"version":"1"},"paths":{"/v1/x":{"post":{"operationId":"PostX","requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/a"}}}}}}},"components":{"schemas":{"a":{"type":"object","properties":{"b":{"$ref":"#/components/schemas/a"}}}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if value.Check(raw) != nil {
			return // refused before
		}
		d, err := openapi.Parse(raw)
		if err != nil {
			return
		}
		for _, id := range d.IDs() {
			o := d.Operation(id)
			params, err := o.Params()
			if err != nil {
				continue
			}
			if !strings.HasPrefix(o.Path(), "/v") || o.ID() != id {
				t.Fatalf("%s is %s %s", id, o.Method(), o.Path())
			}
			if _, err := json.Marshal(params.Schema()); err != nil {
				t.Fatal(err)
			}
			_, _ = params.Faults(map[string]any{"a": json.Number("1")}) // a schema that is none is refused
			_ = o.Summary()
			_ = d.Hint(id + "x")
		}
	})
}

// BenchmarkParse is what the first call costs, beside its own params.
func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := openapi.Parse(embedded.OpenAPISpec); err != nil {
			b.Fatal(err)
		}
	}
}
