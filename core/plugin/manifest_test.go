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
		"a word goes before a param": {func(m *sdk.Manifest) { m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things/new"} }, ""},
		"other length is no clash":   {func(m *sdk.Manifest) { m.Actions[1].HTTP = &sdk.HTTPBinding{Method: "GET", Path: "/things"} }, ""},
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
