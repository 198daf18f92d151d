package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryKeyArrivesInTheConfig(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("bf_token"))
	o := archive(map[string]string{
		"config.json": `{
			"$schema": "https://example.com/config.json",
			"server": { "listen": "{{env.HOST}}:8080", "maxBodyBytes": 2048, "requestTimeout": "1m30s",
				"trustedProxies": ["10.1.2.3/8", "192.0.2.1", "::1"], "publicUrl": "https://api.example.com/" },
			"auth": { "tokens": [{ "name": "shop", "hash": "sha256:` + strings.ToUpper(hex.EncodeToString(sum[:])) + `", "scopes": ["integrations:*", "workflows:a:run", "*"], "tables": ["orders", "public.payments"] }] },
			"credentials": { "stripe": { "secretKey": "{{env.KEY}}", "big": 12345678901234567890, "price": 19.990, "list": [true, null, "x{{env.KEY}}"] }, "database": {} },
			"pluginDirs": ["bin/plugins", "/opt/plugins"],
			"plugins": [{ "name": "acme", "path": "bin/acme", "sha256": "` + strings.Repeat("AB", 32) + `", "env": { "A": "{{file:secret}}" }, "timeout": "5s", "maxConcurrency": 3 }],
			"state": { "url": "sqlite://data/state.db", "allowVolatile": true, "durability": "everysec",
				"retention": { "succeeded": "24h", "maxRuns": 1000 } },
			"workflows": [{ "id": "a", "steps": [ 1.50 ] /* kept */ }, "flows/*.json"],
			"webhooks": [
				{ "name": "one", "path": "/webhooks/one", "provider": "stripe", "secrets": ["new", "old"], "actions": [{ "id": "x" }] },
				{ "name": "two", "path": "/webhooks/two", "provider": "stripe" },
			],
		}`,
		"flows/b.json": `[{ "id": "b" }]`,
		"flows/c.json": `{ "id": "c" }`,
		"bin/acme":     "",
		"secret":       "from a file\n",
	}, map[string]string{"HOST": "localhost", "KEY": `sk_"1`})
	c, err := load("config.json", "/etc/backflow", o)
	if err != nil {
		t.Fatal(err)
	}

	wantServer := Server{Listen: "localhost:8080", MaxBodyBytes: 2048, RequestTimeout: 90 * time.Second,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("::1/128")},
		PublicURL:      "https://api.example.com"}
	if diff := cmp.Diff(wantServer, c.Server, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	if token := c.Auth.Tokens[0]; token.Name != "shop" || token.Hash != sum || len(token.Scopes) != 3 || !slices.Equal(token.Tables, []string{"orders", "public.payments"}) || token.Pos.Line == 0 {
		t.Errorf("token is %+v", token)
	}
	wantRaw := `{"secretKey":"sk_\"1","big":12345678901234567890,"price":19.990,"list":[true,null,"xsk_\"1"]}`
	if got := string(c.Credentials["stripe"].Reveal()); got != wantRaw {
		t.Errorf("credential is %s, want %s", got, wantRaw)
	}
	if got := string(c.Credentials["database"].Reveal()); got != "{}" {
		t.Errorf("empty credential is %s", got)
	}
	if diff := cmp.Diff([]string{"/etc/backflow/bin/plugins", "/opt/plugins"}, c.PluginDirs); diff != "" {
		t.Error(diff)
	}
	p := c.Plugins[0]
	if p.Name != "acme" || p.Path != "/etc/backflow/bin/acme" || p.SHA256 != strings.Repeat("ab", 32) ||
		p.Env["A"].Reveal() != "from a file" || p.Timeout != 5*time.Second || p.MaxConcurrency != 3 {
		t.Errorf("plugin is %+v", p)
	}
	if s := c.State; s.Backend != "sqlite" || s.Path != "/etc/backflow/data/state.db" || !s.AllowVolatile || s.Durability != "everysec" ||
		s.Retention != (Retention{Succeeded: 24 * time.Hour, Failed: 720 * time.Hour, Events: 720 * time.Hour, MaxRuns: 1000}) {
		t.Errorf("state is %+v", s)
	}
	var ids []string
	for _, w := range c.Workflows {
		ids = append(ids, w.ID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) || string(c.Workflows[0].Raw) != `{"id":"a","steps":[1.50]}` {
		t.Errorf("workflows are %v, the first is %s", ids, c.Workflows[0].Raw)
	}
	w := c.Webhooks[0]
	if w.Name != "one" || w.Path != "/webhooks/one" || w.Provider != "stripe" || len(w.Secrets.Values) != 2 ||
		w.Secrets.Values[0].Reveal() != "new" || string(w.Actions.Raw) != `[{"id":"x"}]` {
		t.Errorf("webhook is %+v", w)
	}
	if w := c.Webhooks[1]; len(w.Secrets.Values) != 0 || string(w.Actions.Raw) != "[]" || w.Actions.Fault("/0", "x", "").Pos != w.Pos {
		t.Errorf("webhook without secret and actions is %+v", w)
	}
	wantFiles := []string{"/etc/backflow/config.json", "/etc/backflow/secret", "/etc/backflow/flows/b.json", "/etc/backflow/flows/c.json"}
	if diff := cmp.Diff(wantFiles, c.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, `{}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Server{Listen: ":3000", MaxBodyBytes: 1048576, RequestTimeout: 30 * time.Second, TrustedProxies: []netip.Prefix{}}
	if diff := cmp.Diff(want, c.Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	if !c.State.URL.IsZero() || c.State.Backend != "" || len(c.Auth.Tokens) != 0 || len(c.Workflows) != 0 {
		t.Errorf("config is %+v", c)
	}
}

func TestAFaultyConfigIsReturnedAsFarAsItCouldBeRead(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, `{ "server": { "listen": 1 }, "workflows": [{ "id": "a" }] }`, nil)
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 {
		t.Fatalf("error is %v", err)
	}
	if c == nil || len(c.Workflows) != 1 || c.Server.Listen != ":3000" {
		t.Errorf("config is %+v", c)
	}
}

const seed = `{
	"credentials": { "stripe": { "secretKey": "{{env.KEY}}", "webhookSecret": "{{env.HOOK}}", "again": ["{{env.KEY}}", "kept"] } },
	"webhooks": [{ "name": "a", "path": "/a", "provider": "stripe", "secret": "{{env.HOOK}}" }],
}`

func TestInDevCredentialsAndWebhookSecretsMayBeUnset(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, seed, map[string]string{"OTHER": "x"}, func(o *Options) { o.Dev = true })
	if err != nil {
		t.Fatal(err)
	}
	stripe := c.Credentials["stripe"]
	want := []UnsetField{{"/secretKey", []string{"KEY"}}, {"/webhookSecret", []string{"HOOK"}}, {"/again/0", []string{"KEY"}}}
	if diff := cmp.Diff(want, stripe.Unset); diff != "" {
		t.Error(diff)
	}
	if got := string(stripe.Reveal()); got != `{"again":["kept"]}` {
		t.Errorf("credential is %s", got)
	}
	if w := c.Webhooks[0]; !w.Secrets.Given || len(w.Secrets.Values) != 0 {
		t.Errorf("webhook is %+v", w)
	}
}

func TestInDevOtherFieldsMayNotBeUnset(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{ "server": { "listen": "{{env.X}}" } }`,
		`{ "state": { "url": "{{env.X}}" } }`,
		`{ "plugins": [{ "name": "a", "env": { "X": "{{env.X}}" } }] }`,
		`{ "credentials": { "a": { "x": "{{file:gone}}" } } }`,
	} {
		if _, err := loadText(t, text, nil, func(o *Options) { o.Dev = true }); err == nil {
			t.Errorf("%s: no fault", text)
		}
	}
}

func TestAllowUnsetEnvChecksAConfigWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, `{
		"server": { "listen": "{{env.X}}" },
		"auth": { "tokens": [{ "name": "a", "hash": "{{env.X}}", "scopes": [] }] },
		"state": { "url": "{{env.X}}" },
		"plugins": [{ "name": "a", "env": { "X": "{{env.X}}" } }],
		"credentials": { "a": { "x": "Bearer {{file:gone}}", "y": "{{ env.X }}" } },
		"webhooks": [{ "name": "a", "path": "/a", "provider": "stripe", "secrets": ["{{env.X}}"] }],
	}`, nil, func(o *Options) { o.AllowUnsetEnv = true })
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.Credentials["a"].Reveal()); got != `{"x":"Bearer {{file:gone}}","y":"{{ env.X }}"}` {
		t.Errorf("credential is %s", got)
	}
	if c.Server.Listen != ":3000" {
		t.Errorf("listen is %q", c.Server.Listen)
	}
}

func TestAValueIsNeverExpandedTwice(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, `{ "credentials": { "a": { "x": "{{env.A}}" } } }`, map[string]string{"A": "{{env.B}}", "B": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.Credentials["a"].Reveal()); got != `{"x":"{{env.B}}"}` {
		t.Errorf("credential is %s", got)
	}
}

func TestSecretValuesAreAllKnownForRedaction(t *testing.T) {
	t.Parallel()
	c, err := loadText(t, `{
		"credentials": { "a": { "x": "Bearer {{env.A}}" }, "b": { "x": "{{env.A}}" } },
		"state": { "url": "redis://user:pass%21word@127.0.0.1:6379/0" },
		"webhooks": [{ "name": "a", "path": "/a", "provider": "stripe", "secret": "literal" }],
	}`, map[string]string{"A": "alpha"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"alpha", "pass!word", "redis://user:pass%21word@127.0.0.1:6379/0", "literal"} {
		if !slices.Contains(c.SecretValues(), want) {
			t.Errorf("%q is not among the secrets", want)
		}
	}
	for _, name := range []string{"a", "b"} {
		if got := c.Credentials[name].SecretValues(); !slices.Equal(got, []string{"alpha"}) {
			t.Errorf("secrets of %s are %v", name, got)
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", *c, c.Credentials, c.Credentials, c.State.URL); strings.Contains(printed, "alpha") ||
		strings.Contains(printed, "word") || strings.Contains(printed, "literal") {
		t.Errorf("a config prints a secret: %s", printed)
	}
}

func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	large := `{ "$schema": "` + strings.Repeat("x", maxFileBytes) + `" }`
	if _, err := loadText(t, large, nil); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
	deep := `{ "credentials": { "a": { "x": ` + strings.Repeat("[", 1_000_000)
	if _, err := loadText(t, deep, nil); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("a deep file: %v", err)
	}
	if _, err := loadText(t, `{`+strings.Repeat(`"x": 1, `, 5000)+`}`, nil); err == nil || strings.Count(err.Error(), "\n") > maxFaults {
		t.Errorf("%d lines of faults", strings.Count(err.Error(), "\n"))
	}
}

func TestLoadReadsFromDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, data string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config.json", "\xef\xbb\xbf"+`{ "workflows": ["*.json"], "credentials": { "a": { "x": "{{file:secret}}" } } }`)
	write("flow.json", `{ "id": "flow" }`)
	write("secret", "s3cret\r\n")
	c, err := Load(filepath.Join(dir, "config.json"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Workflows) != 1 || c.BaseDir != dir || !bytes.Contains(c.Credentials["a"].Reveal(), []byte(`"s3cret"`)) {
		t.Errorf("config is %+v", c)
	}
	_, err = Load(filepath.Join(dir, "none.json"), Options{})
	if want := filepath.Join(dir, "none.json") + ": cannot be read: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}
