package plugin_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

func valid() sdk.Manifest {
	return sdk.Manifest{
		Name: "acme", Version: "1.0.0", Credentials: json.RawMessage(`{"type":"object"}`),
		Actions: []sdk.ActionSpec{
			{Name: "get", Params: json.RawMessage(`{"type":"object","properties":{"id":{}}}`), HTTP: &sdk.HTTPBinding{Method: "GET", Path: "/things/:id"}},
			{Name: "put", Params: json.RawMessage(`{}`), Writes: true, Repeat: sdk.RepeatIdempotent, HTTP: &sdk.HTTPBinding{Method: "PUT", Path: "/things/:id"}},
		},
	}
}

// gather gives the first action params of several types and a binding.
func gather(m *sdk.Manifest, binding *sdk.HTTPBinding) {
	m.Actions[0].Params = json.RawMessage(`{"type":"object","properties":{
		"id":{"type":"string"},"where":{"type":"object"},"limit":{"type":"integer"},"data":{},"calls":{"type":"array"}}}`)
	m.Actions[0].HTTP = binding
}

func TestManifestIsChecked(t *testing.T) {
	cases := map[string]struct {
		change func(*sdk.Manifest)
		want   string // empty: accepted
	}{
		"valid":                    {func(*sdk.Manifest) {}, ""},
		"another name":             {func(m *sdk.Manifest) { m.Name = "other" }, `the plugin calls itself "other", its file "acme"`},
		"no name":                  {func(m *sdk.Manifest) { m.Name = "" }, `name "": lower-case`},
		"version with v":           {func(m *sdk.Manifest) { m.Version = "v1.0.0" }, `version "v1.0.0"`},
		"credentials schema":       {func(m *sdk.Manifest) { m.Credentials = json.RawMessage(`{"type":"objekt"}`) }, "schema of the credentials"},
		"action name":              {func(m *sdk.Manifest) { m.Actions[0].Name = "Get-it" }, `action "Get-it": a name is camelCase`},
		"action twice":             {func(m *sdk.Manifest) { m.Actions[1].Name = "get" }, `action "get" is there twice`},
		"actions without end":      {func(m *sdk.Manifest) { m.Actions = slices.Repeat(m.Actions, 50_000) }, "it has 100000 actions, at most 2000"},
		"no params":                {func(m *sdk.Manifest) { m.Actions[0].Params = nil }, "it has no schema of its params"},
		"params not JSON":          {func(m *sdk.Manifest) { m.Actions[0].Params = json.RawMessage(`{`) }, "schema of the params: not JSON"},
		"params schema":            {func(m *sdk.Manifest) { m.Actions[0].Params = json.RawMessage(`{"$ref":"#/$defs/x"}`) }, "schema of the params"},
		"reads a file":             {func(m *sdk.Manifest) { m.Actions[0].Params = json.RawMessage(`{"$ref":"file:///etc/passwd"}`) }, "must be complete in itself"},
		"asks the network":         {func(m *sdk.Manifest) { m.Actions[0].Params = json.RawMessage(`{"$ref":"http://127.0.0.1/x"}`) }, "must be complete in itself"},
		"result schema":            {func(m *sdk.Manifest) { m.Actions[0].Result = json.RawMessage(`[]`) }, "schema of the result: not a JSON object"},
		"write without repeat":     {func(m *sdk.Manifest) { m.Actions[1].Repeat = "" }, `it writes, and says "" of a repeat`},
		"unknown repeat":           {func(m *sdk.Manifest) { m.Actions[1].Repeat = "maybe" }, `it writes, and says "maybe" of a repeat`},
		"a sensitive name twice":   {func(m *sdk.Manifest) { m.Actions[1].Sensitive = []string{"pin", "pin"} }, `sensitive: "pin" is empty or there twice`},
		"too many sensitive names": {func(m *sdk.Manifest) { m.Actions[1].Sensitive = make([]string, 101) }, "sensitive: there are 101 names, and at most 100 may be"},
		"a permission twice":       {func(m *sdk.Manifest) { m.Actions[0].Permissions = []string{"a", "a"} }, `permissions: "a" is empty or there twice`},
		"too many permissions":     {func(m *sdk.Manifest) { m.Actions[0].Permissions = make([]string, 101) }, "permissions: there are 101, and at most 100 may be"},
		"too many variants":        {func(m *sdk.Manifest) { m.Actions[0].Variants = make([]sdk.Variant, 501) }, "there are 501 variants, and at most 500 may be"},
		"variant":                  {func(m *sdk.Manifest) { m.Actions[0].Variants = []sdk.Variant{{Param: "id", Pattern: "a|b"}} }, ""},
		"variant of no param":      {func(m *sdk.Manifest) { m.Actions[0].Variants = []sdk.Variant{{Param: "no", Pattern: "a"}} }, `variant 0: the schema of the params has no "no"`},
		"variant of no pattern":    {func(m *sdk.Manifest) { m.Actions[0].Variants = []sdk.Variant{{Param: "id", Pattern: "a)|(b"}} }, "variant 0: pattern: "},
		"variant that writes": {func(m *sdk.Manifest) {
			m.Actions[0].Variants = []sdk.Variant{{Param: "id", Pattern: "a", Writes: true, Repeat: sdk.RepeatNone}}
		}, "variant 0 writes, and the action does not"},
		"variant without repeat": {func(m *sdk.Manifest) {
			m.Actions[0].Variants = []sdk.Variant{{Param: "id", Pattern: "a", Writes: true}}
		}, `variant 0: it writes, and says "" of a repeat`},
		"not in dev, no field":   {func(m *sdk.Manifest) { m.NotInDev = []sdk.CredentialPattern{{Field: "key", Pattern: "a", Reason: "b"}} }, `not in dev: the schema of the credentials has no "key"`},
		"negative lifetime":      {func(m *sdk.Manifest) { m.Actions[1].KeyLifetime = -time.Second }, "a key cannot live for -1s"},
		"method":                 {func(m *sdk.Manifest) { m.Actions[0].HTTP.Method = "get" }, `method "get"`},
		"relative path":          {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "things" }, "does not start with a slash"},
		"empty segment":          {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/things/" }, `segment ""`},
		"dots":                   {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/.." }, `segment ".."`},
		"the path of commands":   {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/sandbox/get" }, "/sandbox/NAME belongs to the gateway"},
		"the gateway's own path": {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/actions/get" }, "/actions belongs to the gateway"},
		"param twice":            {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/:id/:id" }, ":id is there twice"},
		"param that is none":     {func(m *sdk.Manifest) { m.Actions[0].HTTP.Path = "/things/:thing" }, `the schema of the params has no "thing"`},
		"the same requests":      {func(m *sdk.Manifest) { m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things/:other"} }, "GET /things/:id and /things/:other match the same requests"},
		"neither is more special": {func(m *sdk.Manifest) {
			m.Actions[0].HTTP.Path = "/things/:id/new"
			m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things/all/:other"}
		}, "GET /things/:id/new and /things/all/:other match the same requests"},
		"what is gathered":              {func(m *sdk.Manifest) { gather(m, sdk.GET("/t/:id").WithQuery("where", "limit").WithBody("data")) }, ""},
		"a query gathered in no object": {func(m *sdk.Manifest) { gather(m, sdk.GET("/t").WithQuery("limit")) }, `query: the schema of the params has no "limit" of "type": "object"`},
		"a query gathered in no param":  {func(m *sdk.Manifest) { gather(m, sdk.GET("/t").WithQuery("no")) }, `query: the schema of the params has no "no" of`},
		"a body that is no param":       {func(m *sdk.Manifest) { gather(m, sdk.GET("/t").WithBody("no")) }, `body: the schema of the params has no "no"`},
		"a reserved name of no param":   {func(m *sdk.Manifest) { gather(m, sdk.GET("/t").WithQuery("where", "no")) }, `reserved: the schema of the params has no "no"`},
		"reserved from nothing": {func(m *sdk.Manifest) {
			gather(m, &sdk.HTTPBinding{Method: "GET", Path: "/t", Reserved: []string{"limit"}})
		}, "reserved: names of the query"},
		"a reserved name in the path":  {func(m *sdk.Manifest) { gather(m, sdk.GET("/t/:id").WithQuery("where", "id")) }, `"id" stands for two of`},
		"query and body in one param":  {func(m *sdk.Manifest) { gather(m, sdk.GET("/t").WithQuery("where").WithBody("where")) }, `"where" stands for two of`},
		"inner calls":                  {func(m *sdk.Manifest) { gather(m, nil); m.Actions[0].Inner, m.Actions[0].Tables = "calls", "id" }, ""},
		"inner calls that are no list": {func(m *sdk.Manifest) { gather(m, nil); m.Actions[0].Inner = "where" }, `inner: the schema of the params has no "where" of "type": "array"`},
		"any table":                    {func(m *sdk.Manifest) { m.Actions[0].Tables = sdk.AnyTable }, ""},
		"a table that is no text":      {func(m *sdk.Manifest) { gather(m, nil); m.Actions[0].Tables = "where" }, `tables: the schema of the params has no "where" of "type": "string"`},
		"a word goes before a param":   {func(m *sdk.Manifest) { m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things/new"} }, ""},
		"other length is no clash":     {func(m *sdk.Manifest) { m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things"} }, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			manifest := valid()
			c.change(&manifest)
			err := plugin.Validate(&manifest, "acme")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestWhatMayNotBeInDevIsChecked(t *testing.T) {
	for want, pattern := range map[string]sdk.CredentialPattern{
		"":                        {Field: "key", Pattern: "live_.*", Reason: "a live key"},
		"key: error parsing":      {Field: "key", Pattern: "(", Reason: "a live key"},
		"key: it gives no reason": {Field: "key", Pattern: "live_.*"},
	} {
		manifest := valid()
		manifest.Credentials = json.RawMessage(`{"type":"object","properties":{"key":{"type":"string"}}}`)
		manifest.NotInDev = []sdk.CredentialPattern{pattern}
		if err := plugin.Validate(&manifest, "acme"); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
