package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

const schema = `{
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
		"valid":                {schema, `{"secretKey":"sk_1"}`, nil},
		"none given":           {schema, ``, []sdk.Fault{{Pointer: "/secretKey", Message: "is missing"}}},
		"unknown field":        {schema, `{"secretKey":"sk_1","a/b":1}`, []sdk.Fault{{Pointer: "/a~1b", Message: "is not known"}}},
		"a value is wrong":     {schema, `{"secretKey":"topsecret"}`, []sdk.Fault{{Pointer: "/secretKey", Message: "'***' does not match pattern '^sk_'"}}},
		"no JSON":              {schema, `{`, []sdk.Fault{{Message: "is not JSON"}}},
		"takes none":           {``, ``, nil},
		"takes none, given {}": {``, `{}`, nil},
		"takes none, given":    {``, `{"a":"b"}`, []sdk.Fault{{Message: "the plugin takes no credentials"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := CheckCredentials(&sdk.Manifest{Credentials: json.RawMessage(c.schema)}, json.RawMessage(c.given))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretsAreFoundBySchemaAndInURLs(t *testing.T) {
	got := secretValues(json.RawMessage(schema), json.RawMessage(
		`{"secretKey":"sk_1","url":"postgres://user:pass%20word@db/app","more":["token",7],"secretKey2":"no"}`))
	if diff := cmp.Diff([]string{"pass word", "sk_1", "token"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSchemaThatRefersToItselfEnds(t *testing.T) {
	endless := `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`
	if got := secretValues(json.RawMessage(endless), json.RawMessage(`{"a":"b"}`)); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestSecretIsHiddenInEveryForm(t *testing.T) {
	secret := "p@ss/\"wörd&<"
	hide := newRedactor([]string{secret, "abc", "p@ss"}, minSecret)
	encoded, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{secret, fmt.Sprintf("%q", secret), string(encoded), "x=p%40ss%2F%22w%C3%B6rd%26%3C", "/p@ss%2F%22w%C3%B6rd&%3C"} {
		if got := hide.text(text); strings.Contains(got, "rd") || !strings.Contains(got, hidden) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if got := hide.text("abc"); got != "abc" {
		t.Errorf("a word of three letters becomes %q", got)
	}
}

func TestLogHidesSecretsWhereverTheyStand(t *testing.T) {
	var output bytes.Buffer
	var current atomic.Pointer[redactor]
	current.Store(newRedactor([]string{"s3cr3t"}, minSecret))
	logger := slog.New(&redactingHandler{Handler: slog.NewTextHandler(&output, nil), current: &current})
	logger.With("plugin", "p").WithGroup("g").Info("a s3cr3t", "text", "s3cr3t", "n", 1, "any", []string{"s3cr3t"},
		slog.Group("inner", "error", fmt.Errorf("s3cr3t")))
	got := output.String()
	if strings.Contains(got, "s3cr3t") {
		t.Errorf("got %s", got)
	}
	for _, part := range []string{`msg="a ***"`, "plugin=p", "g.text=***", "g.n=1", "g.any=[***]", "g.inner.error=***"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s does not hold %s", got, part)
		}
	}
}

func TestExitShowsTheBeginningOfACrash(t *testing.T) {
	noise := strings.Repeat("noise\n", 5000)
	cases := map[string]struct{ stderr, begins string }{
		"nothing": {"", "exit status 2"},
		"lines":   {"one\ntwo\n", "exit status 2: one\ntwo"},
		"panic":   {noise + "panic: at the disco\n\ngoroutine 1 [running]:\n" + noise, "exit status 2: panic: at the disco"},
		"fatal":   {"fatal error: all goroutines are asleep\n" + noise, "exit status 2: fatal error: all"},
		"noise":   {noise, "exit status 2: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Exit{Reason: "exit status 2", Stderr: c.stderr}.String()
			if !strings.HasPrefix(got, c.begins) || len(got) > excerptSize+len("exit status 2: ") {
				t.Errorf("got %d bytes: %.200s", len(got), got)
			}
		})
	}
}
