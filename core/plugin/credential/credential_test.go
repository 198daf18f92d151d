package credential

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backflow/backflow/sdk"
)

const shopSchema = `{
	"type": "object",
	"properties": {
		"secretKey": {"$ref": "#/$defs/secret"},
		"url": {"type": "string"},
		"more": {"type": "array", "items": {"anyOf": [{"type": "string", "writeOnly": true}, {"type": "number"}]}}
	},
	"required": ["secretKey"], "additionalProperties": false,
	"$defs": {"secret": {"type": "string", "pattern": "^sk_", "writeOnly": true}}
}`

func TestCredentialsAreCheckedWithoutQuotingThem(t *testing.T) {
	cases := map[string]struct {
		schema, given string
		want          []sdk.Fault
	}{
		"valid":            {shopSchema, `{"secretKey":"sk_1"}`, nil},
		"none given":       {shopSchema, ``, []sdk.Fault{{Pointer: "/secretKey", Message: `"secretKey" is required`}}},
		"unknown field":    {shopSchema, `{"secretKey":"sk_1","a/b":1}`, []sdk.Fault{{Pointer: "/a~1b", Message: `unknown field "a/b"`}}},
		"a value is wrong": {shopSchema, `{"secretKey":"topsecret"}`, []sdk.Fault{{Pointer: "/secretKey", Message: `must match the pattern "^sk_"`}}},
		"an empty secret":  {shopSchema, `{"secretKey":"sk_1","more":[""]}`, []sdk.Fault{{Pointer: "/more/0", Message: "is empty"}}},
		"white space": {shopSchema, `{"secretKey":"sk_1\n","url":" x ","more":["\u00a0token"]}`, []sdk.Fault{
			{Pointer: "/more/0", Message: "is surrounded by white space"}, {Pointer: "/secretKey", Message: "is surrounded by white space"},
		}},
		"no JSON":              {shopSchema, `{`, []sdk.Fault{{Message: "is not JSON"}}},
		"takes none":           {``, ``, nil},
		"takes none, given {}": {``, `{}`, nil},
		"takes none, given":    {``, `{"a":"b"}`, []sdk.Fault{{Message: "the plugin takes no credentials"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Check(&sdk.Manifest{Credentials: json.RawMessage(c.schema)}, json.RawMessage(c.given), t.TempDir())
			if diff := cmp.Diff(c.want, got, cmpopts.SortSlices(func(a, b sdk.Fault) bool { return a.Pointer < b.Pointer })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFoldersInCredentialsAreThere(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"migrations", "odd name"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	manifest := &sdk.Manifest{Credentials: json.RawMessage(`{"properties":{
		"folder":{"$ref":"#/$defs/folder"},
		"all":{"type":"array","items":{"$ref":"#/$defs/folder"}},
		"either":{"anyOf":[{"$ref":"#/$defs/folder"},{"const":"none"}]}
	},"$defs":{"folder":{"type":"string","format":"directory-path"}}}`)}
	for given, want := range map[string][]sdk.Fault{
		`{"folder":"migrations","all":["./odd name","` + base + `"],"either":"none"}`: nil,
		`{"folder":"migration"}`:                     {{Pointer: "/folder", Message: "there is no such folder"}},
		`{"all":["migrations","/not/there/at/all"]}`: {{Pointer: "/all/1", Message: "there is no such folder"}},
		`{"folder":"file"}`:                          {{Pointer: "/folder", Message: "is not a folder"}},
		`{"folder":"file/inside"}`:                   {{Pointer: "/folder", Message: "the folder cannot be read"}},
	} {
		if diff := cmp.Diff(want, Check(manifest, json.RawMessage(given), base)); diff != "" {
			t.Errorf("%s: %s", given, diff)
		}
	}
}

func TestSecretsAreFoundBySchemaAndInURLs(t *testing.T) {
	got := SecretValues(json.RawMessage(shopSchema), json.RawMessage(
		`{"secretKey":"sk_1","url":"postgres://user:pass%20word@db/app","more":["token",7],"secretKey2":"no"}`))
	if diff := cmp.Diff([]string{"pass word", "sk_1", "token"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretFieldsAreNamedByTheirPath(t *testing.T) {
	nested := `{"type":"object","properties":{
		"secretKey":{"$ref":"#/$defs/secret"},
		"tls":{"type":"object","properties":{"key":{"writeOnly":true},"cert":{}}},
		"tokens":{"type":"array","items":{"anyOf":[{"type":"string","writeOnly":true},{"type":"number"}]}}
	},"$defs":{"secret":{"type":"string","writeOnly":true}}}`
	if diff := cmp.Diff([]string{"secretKey", "tls.key", "tokens[]"}, SecretFields(json.RawMessage(nested))); diff != "" {
		t.Error(diff)
	}
}

func TestSchemaThatRefersToItselfEnds(t *testing.T) {
	endless := `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`
	if got := SecretValues(json.RawMessage(endless), json.RawMessage(`{"a":"b"}`)); got != nil {
		t.Errorf("got %q", got)
	}
	twice := `{"allOf":[{"$ref":"#"},{"$ref":"#"}],"properties":{"a":{"$ref":"#"},"b":{"writeOnly":true}}}`
	if got := SecretFields(json.RawMessage(twice)); !slices.Contains(got, "b") {
		t.Errorf("got %q", got)
	}
}

// Ten references in each of ten definitions lead to the same text in 10^10 ways.
func TestSecretsInASchemaOfTooManyWaysAreHidden(t *testing.T) {
	defs := `"10":{"type":"string"}`
	for i := range 10 {
		reference := fmt.Sprintf(`{"$ref":"#/$defs/%d"}`, i+1)
		defs += fmt.Sprintf(`,"%d":{"anyOf":[%s]}`, i, strings.Repeat(reference+",", 9)+reference)
	}
	schema := `{"properties":{"a":{"$ref":"#/$defs/0"},"b":{"writeOnly":true}},"$defs":{` + defs + `}}`
	got := SecretValues(json.RawMessage(schema), json.RawMessage(`{"a":"first","b":"second"}`))
	if diff := cmp.Diff([]string{"first", "second"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatMayNotBeOnADevelopersMachineIsAFault(t *testing.T) {
	manifest := &sdk.Manifest{NotInDev: []sdk.CredentialPattern{
		{Field: "secretKey", Pattern: "(sk|rk)_live_.*", Reason: "a live key: take a test key"},
		{Field: "secretKey", Pattern: "sk_live.*", Reason: "a live key: take a test key"},
		{Field: "other/key", Pattern: "x", Reason: "not for dev"},
	}}
	live := []sdk.Fault{{Pointer: "/secretKey", Message: "is a live key: take a test key"}}
	for given, want := range map[string][]sdk.Fault{
		`{"secretKey":"sk_live_1"}`:                               live,
		`{"secretKey":" rk_live_1\n","apiBase":"http://mock"}`:    live,
		`{"secretKey":"sk_live_1","other/key":"x"}`:               append(live[:1:1], sdk.Fault{Pointer: "/other~1key", Message: "is not for dev"}),
		`{"secretKey":"sk_test_1"}`:                               nil,
		`{"secretKey":["sk_live_1"],"webhookSecret":"sk_live_1"}`: nil,
		`{}`:   nil,
		`null`: nil,
		``:     nil,
	} {
		if diff := cmp.Diff(want, CheckDev(manifest, json.RawMessage(given))); diff != "" {
			t.Errorf("%s: %s", given, diff)
		}
	}
}
