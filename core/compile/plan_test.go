package compile

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestTheGatewaysOwnPathsAreNoWebhooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "webhooks": [
  { "name": "a", "path": "/runs/x", "provider": "acme", "secret": "hush" },
  { "name": "b", "path": "/a/../b", "provider": "acme", "secret": "hush" },
  { "name": "c", "path": "", "provider": "acme", "secret": "hush" }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{OwnsPath: func(path string) bool { return path == "/runs/x" }})
	if err != nil {
		t.Fatal(err)
	}
	faults := p.Err().Error()
	for _, want := range []string{
		file + `:2:26: webhooks[0].path "/runs/x": /runs belongs to the gateway itself`,
		file + `:3:26: webhooks[1].path "/a/../b": each segment is made of`,
		file + `:4:26: webhooks[2].path: a path begins with "/"`,
	} {
		if strings.Count(faults, want) != 1 {
			t.Errorf("not one fault: %s\n%s", want, faults)
		}
	}
}

func TestTheEnvironmentOfAPluginIsNeverShown(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "acme"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "plugins": [{ "name": "acme", "path": "acme",
		"env": { "B_KEY": "{{env.KEY}}", "A_MODE": "fast-mode", "C_KEY": "other-key" } }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	options := Options{Config: config.Options{LookupEnv: func(string) (string, bool) { return "key-from-outside", true }}}
	p, err := Load(file, options)
	if err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	want := map[string]string{"A_MODE": "fast-mode", "B_KEY": "key-from-outside", "C_KEY": "other-key"}
	if got := p.Plugins["acme"]; !reflect.DeepEqual(got.Env, want) || !slices.Equal(got.Secrets, []string{"fast-mode", "key-from-outside", "other-key"}) {
		t.Errorf("environment %v, secrets %v", got.Env, got.Secrets)
	}
	for range 10 { // in one order: a reload compares specs
		again, err := Load(file, options)
		if err != nil {
			t.Fatal(err)
		}
		if what := p.FixedChange(again); what != "" {
			t.Errorf("the same config read twice: %s changed", what)
		}
	}
}

func TestNoIntegrationIsNamedLikeAStepType(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "backflow-plugin-sequence"), nil, 0o700); err != nil { // #nosec G306 -- a plugin is run
		t.Fatal(err)
	}
	file := filepath.Join(dir, "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "pluginDirs": ["."] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Plugins) != 0 || p.Err() == nil || !strings.Contains(p.Err().Error(), "like a step type") {
		t.Errorf("plugins %v, faults %v", p.Plugins, p.Err())
	}
	for _, name := range workflow.StepTypes() {
		if name != strings.ToLower(name) {
			continue // no name of an integration has capitals
		}
		if err := os.WriteFile(file, []byte(`{ "credentials": { "`+name+`": {} } }`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file, config.Options{})
		if err == nil || !strings.Contains(err.Error(), "is the name of a step type") {
			t.Errorf("credentials of %q: %v", name, err)
		}
	}
}

// publishing is an integration of the program with a manifest and no calls.
type publishing struct {
	action.Integration
	manifest *sdk.Manifest
}

func (p publishing) Name() string            { return p.manifest.Name }
func (p publishing) Manifest() *sdk.Manifest { return p.manifest }

func TestPlansWithOtherIntegrationsAreCheckedApart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "webhooks": [{ "name": "w", "path": "/w", "provider": "acme", "secret": "hush", "actions": [] }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	able := publishing{manifest: &sdk.Manifest{Name: "acme", Webhook: &sdk.WebhookCapability{}}}
	unable := publishing{manifest: &sdk.Manifest{Name: "acme"}}
	p, err := Load(file, Options{Integrations: []action.Integration{able}})
	if err != nil || p.Err() != nil {
		t.Fatal(err, p.Err())
	}
	other := p.WithIntegrations(unable)
	if other.CheckManifests(t.Context(), nil); other.Err() == nil {
		t.Error("a webhook that cannot be verified is no fault")
	}
	if p.CheckManifests(t.Context(), nil); p.Err() != nil {
		t.Errorf("the plan itself: %v", p.Err())
	}
	next, err := other.Reload()
	if err != nil || next.Manifests()["acme"] != unable.manifest {
		t.Errorf("reloaded, it has %v, %v", next.Manifests(), err)
	}
}
