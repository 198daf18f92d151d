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
	"time"

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
	return append(integrations, p.sender()...)
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
	p.check(p.publish(ctx, launcher))
}

// publish returns what the integrations publish that the config names, and those
// given. A plugin that fails is a fault.
func (p *Plan) publish(ctx context.Context, launcher plugin.Launcher, others ...string) *action.Catalog {
	manifests := p.Manifests()
	specs := slices.DeleteFunc(p.Specs(), func(spec plugin.Spec) bool {
		_, named := p.references[spec.Name]
		_, err := os.Stat(spec.Path)
		return !named && !slices.Contains(others, spec.Name) || errors.Is(err, fs.ErrNotExist) // a fault of the place that names the file
	})
	for name, found := range p.inspect(ctx, launcher, specs) {
		if found.err != nil {
			at := p.references[name]
			at.Message = found.err.Error()
			p.fault(at)
			continue
		}
		manifests[name] = found.manifest
	}
	return action.NewCatalog(manifests)
}

// inspectPatience is how long plugins may take to say what they are before
// Options.Awaiting is called.
const inspectPatience = 2 * time.Second

// inspection is what a plugin has published, or why it has not.
type inspection struct {
	manifest *sdk.Manifest
	err      error
}

// inspect asks plugins what they publish, all at once: those that hang cost the
// time of one start.
func (p *Plan) inspect(ctx context.Context, launcher plugin.Launcher, specs []plugin.Spec) map[string]inspection {
	type result struct {
		name string
		inspection
	}
	results := make(chan result, len(specs))
	for _, spec := range specs {
		go func() { // ends when the start does, which StartTimeout bounds, and is waited for below
			manifest, err := plugin.Inspect(ctx, launcher, spec)
			results <- result{spec.Name, inspection{manifest, err}}
		}()
	}
	found := make(map[string]inspection, len(specs))
	patience := time.NewTimer(inspectPatience)
	defer patience.Stop()
	for len(found) < len(specs) {
		select {
		case r := <-results:
			found[r.name] = r.inspection
		case <-patience.C:
			var awaited []string
			for _, spec := range specs {
				if _, done := found[spec.Name]; !done {
					awaited = append(awaited, spec.Name)
				}
			}
			if p.options.Awaiting != nil {
				p.options.Awaiting(awaited)
			}
		}
	}
	return found
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
	inspected := p.inspect(ctx, launcher, slices.DeleteFunc(p.Specs(), func(spec plugin.Spec) bool {
		return len(p.Config.Credentials[spec.Name].Unset) == 0
	}))
	for _, name := range slices.Sorted(maps.Keys(inspected)) {
		c, manifest := p.Config.Credentials[name], inspected[name].manifest
		if err := inspected[name].err; err != nil {
			return err
		}
		provider, verifies := p.options.WebhookProviders.Lookup(name, published{manifest})
		if verifies {
			p.providers[name] = provider // its sandbox is handed the secret with its config
		}
		for _, field := range c.Unset {
			if verifies && field.Pointer == "/"+provider.SecretField {
				continue // made where a webhook needs it
			}
			if manifest.Sandbox {
				p.Sandbox[name] = true
				continue
			}
			p.fault(c.Fault(field.Pointer,
				fmt.Sprintf("%s is not set, and integration %q has no sandbox to run without it", strings.Join(field.Names, ", "), name),
				"export "+strings.Join(field.Names, "=… ")+"=…"))
		}
	}
	return nil
}
