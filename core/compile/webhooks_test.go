package compile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

// TestABuiltInProviderNeedsNoPlugin: a row in the table of providers is enough
// for a config that names it.
func TestABuiltInProviderNeedsNoPlugin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "webhooks": [
  { "name": "own", "path": "/a", "provider": "github", "secret": "hush-hush" },
  { "name": "none", "path": "/b", "provider": "github" }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	github := provider.Provider{
		Name: "github", EventTypes: []string{"push"}, NewSecret: func() string { return "made" },
		Verify: func(context.Context, sdk.WebhookRequest) (provider.Verified, error) { return provider.Verified{}, nil },
	}
	p, err := Load(file, Options{WebhookProviders: provider.Table{github}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("before the check: %v", err)
	}
	err = p.Check(action.NewCatalog(nil))
	if want := file + `:3:3: webhook "none" has no secret, and neither have the credentials of "github"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if own, none := p.WebhookSecrets(p.Config.Webhooks[0]), p.WebhookSecrets(p.Config.Webhooks[1]); !slices.Equal(own, []string{"hush-hush"}) || none != nil {
		t.Errorf("secrets %q and %q", own, none)
	}
	if made := p.NewWebhookSecret(p.Config.Webhooks[1]); made != "made" {
		t.Errorf("made the secret %q", made)
	}
	if provider, ok := p.WebhookProvider(p.Config.Webhooks[0], nil); !ok || provider.Verify == nil {
		t.Error("the provider is not found")
	}

	misspelt := strings.ReplaceAll(file, "backflow", "misspelt")
	if err := os.WriteFile(misspelt, []byte(`{ "webhooks": [{ "name": "own", "path": "/a", "provider": "githb", "secret": "s" }, { "name": "b", "path": "/b", "provider": "costum" }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = Load(misspelt, Options{WebhookProviders: provider.Table{github}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`there is no integration "githb"`, `did you mean "github"?`, `did you mean "custom"?`} {
		if !strings.Contains(p.Err().Error(), want) {
			t.Errorf("%v, want %s", p.Err(), want)
		}
	}
}

// TestCredentialsOfABuiltInProviderNeedNoIntegration: its secret is known before
// anything was asked for its manifest. It has no actions.
func TestCredentialsOfABuiltInProviderNeedNoIntegration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "credentials": { "github": { "secret": "hush-hush" }, "gitlab": {} },
  "webhooks": [{ "name": "w", "path": "/a", "provider": "github", "actions": [
    { "id": "s", "integration": "github", "action": "comment" }] }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	github := provider.Provider{Name: "github", SecretField: "secret", NewSecret: func() string { return "made" }}
	p, err := Load(file, Options{WebhookProviders: provider.Table{github}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.WebhookSecrets(p.Config.Webhooks[0]); !slices.Equal(got, []string{"hush-hush"}) {
		t.Errorf("secrets %q", got)
	}
	var at []string
	for _, fault := range p.Faults {
		at = append(at, fmt.Sprintf("%d %.30s", fault.Pos.Line, fault.Message))
	}
	if want := []string{`3 there is no integration "githu`, `1 there is no integration "gitla`}; !slices.Equal(at, want) {
		t.Errorf("faults %q, want %q", at, want)
	}
}

// TestAFilterIsCheckedBeforeAnythingStarts: with its place, and what to do.
func TestAFilterIsCheckedBeforeAnythingStarts(t *testing.T) {
	github := provider.Provider{Name: "github", Verify: func(context.Context, sdk.WebhookRequest) (provider.Verified, error) { return provider.Verified{}, nil }}
	for filter, want := range map[string]string{
		`"{{payload.type}} === 'a'"`:       "",
		`["a.*"]`:                          "",
		`"{{steps.a.result}} === 1"`:       `:2:14: webhooks[0].filter: "steps" is not available here (available are payload, event, headers, query)`,
		`"{{payload.type}} = 'a'"`:         `:2:14: webhooks[0].filter: `,
		`"{{payload.type}}.startsWith(1)"`: `:2:14: webhooks[0].filter: startsWith takes a string`,
	} {
		file := filepath.Join(t.TempDir(), "backflow.json")
		if err := os.WriteFile(file, []byte(`{ "webhooks": [{ "name": "own", "path": "/a", "provider": "github", "secret": "hush-hush",
   "filter": `+filter+`, "actions": [] }] }`), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(file, Options{WebhookProviders: provider.Table{github}})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Err()
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), file+want) || strings.Count(err.Error(), file) != 1) {
			t.Errorf("%s: %v, want %s", filter, err, want)
		}
		if filterOf, err := WebhookFilter(p.Config.Webhooks[0]); want == "" && (err != nil || filterOf == nil) {
			t.Errorf("%s: the filter is %v, %v", filter, filterOf, err)
		}
	}
}

// TestFetchNeedsAProviderThatFetches: neither a built-in one nor a plugin without such
// an action does, and of a plugin that has not been asked nothing is known.
func TestFetchNeedsAProviderThatFetches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	verify := func(context.Context, sdk.WebhookRequest) (provider.Verified, error) { return provider.Verified{}, nil }
	options := Options{WebhookProviders: provider.Table{{Name: "github", Verify: verify}}, Integrations: []action.Integration{publishing{manifest: &sdk.Manifest{Name: "shop"}}}}
	about := sdk.ActionSpec{Name: "about", Params: []byte(`{"type":"object","properties":{"event":{},"type":{"type":"string"}}}`), Variants: []sdk.Variant{{Param: "type", Pattern: "thing\\..*", Permissions: []string{"Things: Read"}}}}
	for name, c := range map[string]struct {
		provider string
		manifest *sdk.Manifest
		want     string
	}{
		"a built-in one":            {"github", nil, `:2:12: webhooks[0].fetch: the provider "github" fetches nothing for an event (leave fetch out`},
		"one that fetches nothing":  {"shop", &sdk.Manifest{Name: "shop", Webhook: &sdk.WebhookCapability{}, Actions: []sdk.ActionSpec{about}}, `:2:12: webhooks[0].fetch: the provider "shop" fetches nothing for an event (leave fetch out`},
		"one that fetches":          {"shop", &sdk.Manifest{Name: "shop", Webhook: &sdk.WebhookCapability{FetchAction: "about", EventTypes: []string{"thing.made", "other.made"}}, Actions: []sdk.ActionSpec{about}}, ""},
		"one that says nothing yet": {"shop", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(`{ "webhooks": [{ "name": "own", "path": "/a", "provider": "`+c.provider+`", "secret": "hush-hush",
  "fetch": true, "actions": [{ "id": "s", "type": "shop", "action": "about", "params": { "event": "{{payload.fetched.id}}" } }] }] }`), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Load(file, options)
			if err != nil {
				t.Fatal(err)
			}
			catalog := action.NewCatalog(map[string]*sdk.Manifest{"shop": c.manifest})
			err = p.Check(catalog)
			if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), file+c.want) || strings.Count(err.Error(), file) != 1) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if name != "one that fetches" {
				return
			}
			rights, err := p.rights(catalog, "shop")
			if err != nil || len(rights.Needed) != 1 || rights.Needed[0].Name != "Things: Read" || rights.Needed[0].Uses[0].What != `webhook "own", step "fetch": about` {
				t.Errorf("its key needs %+v, %v", rights, err)
			}
		})
	}
}
