package compile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// Integrations returns the integrations of the plan that are not plugins.
func (p *Plan) Integrations() []action.Integration {
	integrations := slices.Clone(p.options.Integrations)
	for _, c := range p.Custom {
		integrations = append(integrations, c)
	}
	return integrations
}

// Manifests returns what the integrations of the plan publish that are not
// plugins, by name.
func (p *Plan) Manifests() map[string]*sdk.Manifest {
	manifests := make(map[string]*sdk.Manifest)
	for _, integration := range p.Integrations() {
		manifests[integration.Name()] = integration.Manifest()
	}
	return manifests
}

// CheckManifests asks the plugins that the config names for their manifests and
// checks the config against these. No plugin is handed any credential. What is
// found is added to the faults.
func (p *Plan) CheckManifests(ctx context.Context, launcher plugin.Launcher) {
	manifests := p.Manifests()
	for _, spec := range p.Specs() {
		at, named := p.references[spec.Name]
		if !named {
			continue
		}
		if _, err := os.Stat(spec.Path); errors.Is(err, fs.ErrNotExist) {
			continue // a fault of the place that names the file
		}
		manifest, err := plugin.Inspect(ctx, launcher, spec)
		if err != nil {
			at.Message = err.Error()
			p.Faults = append(p.Faults, at)
			continue
		}
		manifests[spec.Name] = manifest
	}
	p.check(action.NewCatalog(manifests))
}

// Refusal returns everything that is wrong with a config that must not start:
// what was found already, and then what only the manifests show; nil if
// nothing was found.
func (p *Plan) Refusal(ctx context.Context, launcher plugin.Launcher) error {
	if len(p.Faults) == 0 {
		return nil
	}
	p.CheckManifests(ctx, launcher)
	return p.Err()
}

// ChooseSandboxes decides which plugins run in their sandbox on a developer's
// machine: those that lack credentials in the environment. Those that have no
// sandbox are faults. Without config.Options.Dev it does nothing. The error is
// that of a plugin that could not be asked.
func (p *Plan) ChooseSandboxes(ctx context.Context, launcher plugin.Launcher) error {
	if !p.options.Config.Dev {
		return nil
	}
	p.Sandbox = make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(p.Config.Credentials)) {
		c := p.Config.Credentials[name]
		spec, found := p.Plugins[name]
		if len(c.Unset) == 0 || !found {
			continue
		}
		manifest, err := plugin.Inspect(ctx, launcher, spec)
		if err != nil {
			return err
		}
		provider, verifies := p.WebhookProvider(name, published{manifest})
		for _, field := range c.Unset {
			if verifies && field.Pointer == "/"+provider.SecretField {
				continue // made where a webhook needs it
			}
			if manifest.Sandbox {
				p.Sandbox[name] = true
				continue
			}
			p.Faults = append(p.Faults, c.Fault(field.Pointer,
				fmt.Sprintf("%s is not set, and integration %q has no sandbox to run without it", strings.Join(field.Names, ", "), name),
				"export "+strings.Join(field.Names, "=… ")+"=…"))
		}
	}
	return nil
}
