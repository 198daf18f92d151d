package action_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const bindSchema = `{"properties": {
	"count": {"type": "integer"}, "rate": {"type": "number"}, "maybe": {"type": ["null", "integer"]},
	"now": {"type": "boolean"}, "name": {"type": "string"}, "any": true, "either": {"type": ["string", "integer"]},
	"tags": {"type": "array", "items": {"type": "string"}}, "sizes": {"type": "array", "items": {"type": "integer"}},
	"bare": {"type": "array"}, "nested": {"type": "object"},
	"range": {"anyOf": [{"type": "object"}, {"type": "integer"}]}, "trial": {"anyOf": [{"enum": ["now"], "type": "string"}, {"type": "integer"}]}}}`

func TestBindTypesPathAndQueryBySchema(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(bindSchema), HTTP: sdk.POST("/do")})
	a := find(t, registry, "do")
	tests := map[string]struct {
		path        map[string]string
		query, body string
		want        string
	}{
		"nothing":              {want: `{}`},
		"integer":              {query: "count=12345678901234567890", want: `{"count":12345678901234567890}`},
		"decimal as written":   {query: "rate=19.990", want: `{"rate":19.990}`},
		"integer that is none": {query: "count=ten", want: `{"count":"ten"}`},
		"leading zeros":        {query: "count=007", want: `{"count":"007"}`},
		"empty":                {query: "count=", want: `{"count":""}`},
		"true is no number":    {query: "count=true", want: `{"count":"true"}`},
		"huge":                 {query: "count=1e999999", want: `{"count":"1e999999"}`},
		"nullable integer":     {query: "maybe=5", want: `{"maybe":5}`},
		"booleans":             {query: "now=false", want: `{"now":false}`},
		"boolean that is none": {query: "now=0", want: `{"now":"0"}`},
		"text stays text":      {query: "name=5", want: `{"name":"5"}`},
		"any stays text":       {query: "any=5", want: `{"any":"5"}`},
		"either stays text":    {query: "either=5", want: `{"either":"5"}`},
		"unknown stays text":   {query: "else=5", want: `{"else":"5"}`},
		"object stays text":    {query: "nested={}", want: `{"nested":"{}"}`},
		"number or object":     {query: "range=5", want: `{"range":5}`},
		"number or text":       {query: "trial=5", want: `{"trial":"5"}`},
		"array of one":         {query: "tags=a", want: `{"tags":["a"]}`},
		"array of several":     {query: "tags=b&tags=5", want: `{"tags":["b","5"]}`},
		"array of integers":    {query: "sizes=1&sizes=x", want: `{"sizes":[1,"x"]}`},
		"array of anything":    {query: "bare=1", want: `{"bare":["1"]}`},
		"path":                 {path: map[string]string{"count": "1", "name": "a/b"}, want: `{"count":1,"name":"a/b"}`},
		"all three": {path: map[string]string{"name": "n"}, query: "count=2", body: `{"rate": 1.50, "big": 12345678901234567890}`,
			want: `{"big":12345678901234567890,"count":2,"name":"n","rate":1.50}`},
		"a lone body, byte for byte": {body: "{ \"rate\":1.50 ,\t\"rate\":2, \"x\":\"\\u0041\" }", want: "{ \"rate\":1.50 ,\t\"rate\":2, \"x\":\"\\u0041\" }"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Bind(&action.Bound{Path: test.path}, query, document(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Raw()) != test.want {
				t.Errorf("params are %s, want %s", got.Raw(), test.want)
			}
		})
	}
}

func TestBindRefusesWhatIsGivenTwiceOrIsNoObject(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(bindSchema), HTTP: sdk.POST("/do")})
	a := find(t, registry, "do")
	tests := map[string]struct {
		path    map[string]string
		query   url.Values
		body    string
		message string
	}{
		"query, query":  {query: url.Values{"name": {"a", "a"}}, message: `"name" is given twice`},
		"query, body":   {query: url.Values{"name": {"a"}}, body: `{"name":"a"}`, message: `"name" is given twice`},
		"path, body":    {path: map[string]string{"name": "a"}, body: `{"name":null}`, message: `"name" is given twice`},
		"path, query":   {path: map[string]string{"name": "a"}, query: url.Values{"name": {"b"}}, message: `"name" is given twice`},
		"array, body":   {query: url.Values{"tags": {"a"}}, body: `{"tags":["b"]}`, message: `"tags" is given twice`},
		"body an array": {query: url.Values{"name": {"a"}}, body: `[]`, message: `body: must be a JSON object, not an array`},
		"body null":     {query: url.Values{"name": {"a"}}, body: `null`, message: `body: must be a JSON object, not null`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := a.Bind(&action.Bound{Path: test.path}, test.query, document(test.body))
			if got := wantError(t, err, sdk.CodeRejected).Message; got != test.message {
				t.Errorf("message is %s, want %s", got, test.message)
			}
		})
	}
}

func TestBindRefusesNamesThatAreTheSameOnceTheyAreWritten(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(bindSchema), HTTP: sdk.POST("/do")})
	_, err := find(t, registry, "do").Bind(nil, url.Values{"\xfe": {"a"}, "\xff": {"b"}}, value.Doc{})
	failed := wantError(t, err, sdk.CodeInvalidParams)
	if len(failed.Faults) != 1 || failed.Faults[0].Pointer != "/\ufffd" || !strings.Contains(failed.Faults[0].Message, "duplicate") {
		t.Errorf("error is %v, faults are %+v", failed, failed.Faults)
	}
}

func TestBindLeavesTheBodyAsItIs(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(bindSchema), HTTP: sdk.POST("/do")})
	body := document(`{"rate":1}`)
	if _, err := find(t, registry, "do").Bind(&action.Bound{Path: map[string]string{"name": "n"}}, url.Values{"count": {"2"}}, body); err != nil {
		t.Fatal(err)
	}
	if members, ok := body.Value().(map[string]any); !ok || len(members) != 1 {
		t.Errorf("the body has become %v", body.Value())
	}
}

const gatherSchema = `{"properties": {
	"table": {"type": "string"}, "key": {"type": "string"}, "where": {"type": "object"}, "filters": {"type": "array"}, "data": {},
	"limit": {"type": "integer"}, "select": {"type": "array", "items": {"type": "string"}}}}`

func TestBindGathersTheQueryAndTheBodyWhereTheirNamesAreData(t *testing.T) {
	binding := sdk.PATCH("/tables/:table").WithQuery("where", "limit", "select").WithBody("data")
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(gatherSchema), HTTP: binding})
	a := find(t, registry, "do")
	path := map[string]string{"table": "orders"}
	tests := map[string]struct{ query, body, want string }{
		"nothing":                     {want: `{"table":"orders"}`},
		"the names are data":          {query: "status=eq.paid&where=is.null&key=eq.1&filters=x", want: `{"table":"orders","where":{"filters":["x"],"key":["eq.1"],"status":["eq.paid"],"where":["is.null"]}}`},
		"repeated, in their order":    {query: "at=gte.2&at=lt.1&at=", want: `{"table":"orders","where":{"at":["gte.2","lt.1",""]}}`},
		"texts stay texts":            {query: "limit=5&n=5", want: `{"limit":5,"table":"orders","where":{"n":["5"]}}`},
		"reserved lists":              {query: "select=a&select=b", want: `{"select":["a","b"],"table":"orders"}`},
		"no name":                     {query: "=1", want: `{"table":"orders","where":{"":["1"]}}`},
		"the body is one param":       {body: `{"table":"x","where":1,"n":1.50}`, want: `{"data":{"n":1.50,"table":"x","where":1},"table":"orders"}`},
		"the body is a list":          {body: `[1, null]`, want: `{"data":[1,null],"table":"orders"}`},
		"the body is null":            {body: `null`, want: `{"data":null,"table":"orders"}`},
		"the body and the query":      {query: "data=eq.1", body: `{}`, want: `{"data":{},"table":"orders","where":{"data":["eq.1"]}}`},
		"names that are not in UTF-8": {query: "%ff=1", want: "{\"table\":\"orders\",\"where\":{\"\ufffd\":[\"1\"]}}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Bind(&action.Bound{Path: path}, query, document(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Raw()) != test.want {
				t.Errorf("params are %s, want %s", got.Raw(), test.want)
			}
		})
	}
	for name, query := range map[string]url.Values{"reserved": {"limit": {"1", "2"}}, "in the path": {"table": {"x"}}} {
		_, err := a.Bind(&action.Bound{Path: path}, query, value.Doc{})
		if got := wantError(t, err, sdk.CodeRejected).Message; !strings.HasSuffix(got, "is given twice") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWhatTheQueryGathersIsGivenOnce(t *testing.T) {
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(gatherSchema), HTTP: sdk.POST("/do").WithQuery("where")})
	_, err := find(t, registry, "do").Bind(&action.Bound{}, url.Values{"a": {"1"}}, document(`{"where":{}}`))
	if got := wantError(t, err, sdk.CodeRejected).Message; got != `"where" is given twice` {
		t.Error(got)
	}
}

func TestACallByNameIsNotBoundAsItsHTTPBindingSays(t *testing.T) {
	binding := sdk.PATCH("/tables/:table").WithQuery("where", "limit").WithBody("data")
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "do", Params: json.RawMessage(gatherSchema), HTTP: binding})
	got, err := find(t, registry, "do").Bind(nil, url.Values{"table": {"orders"}}, document(`{"data":{"a":1},"where":{"b":["eq.1"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"data":{"a":1},"table":"orders","where":{"b":["eq.1"]}}`; string(got.Raw()) != want {
		t.Errorf("params are %s, want %s", got.Raw(), want)
	}
}
