package compile

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/workflow"
)

// Options say how a config is made into a Plan.
type Options struct {
	// Config says how the file is read.
	Config config.Options
	// PluginDirs are where plugins are looked for if the config names no
	// pluginDirs.
	PluginDirs []string
	// Integrations are those of the program itself, beside plugins and the custom
	// integrations of the config.
	Integrations []action.Integration
	// WebhookProviders are the providers that need no plugin.
	WebhookProviders provider.Table
	// OwnsPath reports whether a path is the gateway's own, so that no webhook can
	// be there; nil is that none is.
	OwnsPath func(path string) bool
	// Awaiting, unless nil, is called once with the plugins that are still to say
	// what they publish, if they take longer than two seconds for it.
	Awaiting func(plugins []string)
}

// Plan is a config with what was parsed from it and the plugins that it finds.
// Nothing of it runs yet. Its methods are not safe for concurrent use with those
// that add faults, and with AskProvider: Check, CheckManifests, Refusal and
// ChooseSandboxes.
type Plan struct {
	Config *config.Config
	// Definitions are the workflows and the actions of webhooks, those with
	// faults included.
	Definitions []Definition
	Schedules   []schedule.Schedule
	// Plugins are the plugins of the config and of its directories, by name.
	Plugins map[string]plugin.Spec
	// Custom are the custom integrations of the config that have no fault.
	Custom []*custom.Integration
	// Destinations are those of the config that have no fault, and Egress is where they
	// may be.
	Destinations []*destination.Destination
	Egress       egress.Policy
	// Sandbox names the plugins that run in their sandbox; see ChooseSandboxes.
	Sandbox map[string]bool
	// Faults are what was found wrong so far, in no order; see Err.
	Faults config.Faults
	// Warnings are what works and cannot be meant.
	Warnings config.Faults
	// Sources are what the plan was made from, and Sum their sum as they were
	// read.
	Sources Sources
	Sum     [sha256.Size]byte

	options Options
	// deliveries are the workflows of the messages to Destinations.
	deliveries []*workflow.Definition
	// references are the first places that name an integration, by its name.
	references map[string]config.Fault
	// providers are by their names the built-in ones, and those of the webhooks as
	// far as check has seen what they publish.
	providers map[string]provider.Provider
	// lacking are the integrations that a check has reported as used without
	// credentials.
	lacking map[string]bool
}

// Load reads a config, its workflows and its plugin directories. Everything wrong
// with them is a fault of the plan. The error is that of a file that cannot be
// read at all; the plan is nil then.
func Load(path string, options Options) (*Plan, error) {
	cfg, err := config.Load(path, options.Config)
	p := &Plan{
		Config: cfg, Plugins: map[string]plugin.Spec{}, options: options,
		references: map[string]config.Fault{}, providers: map[string]provider.Provider{},
	}
	if err != nil && (!errors.As(err, &p.Faults) || cfg == nil) {
		return nil, err
	}
	for _, name := range options.WebhookProviders.Names() {
		p.providers[name], _ = options.WebhookProviders.Lookup(name, nil)
	}
	p.providers[provider.Custom] = provider.CustomUnconfigured()
	p.parseDefinitions()
	p.compileSchedules()
	p.discoverPlugins()
	p.Sources = p.findSources()
	p.Sum = p.Sources.Sum()
	p.compileCustom()
	p.compileDestinations()
	p.checkReferences()
	p.checkVerification()
	return p, nil
}

// Reload reads the config again, in the same way.
func (p *Plan) Reload() (*Plan, error) { return Load(p.Config.Path, p.options) }

// WithIntegrations returns the plan for a server whose program has integrations of
// its own in the place of Options.Integrations. They must have the same names and
// manifests as these. The plan and what it returns can be used at the same time,
// as long as nothing adds faults to the plan itself.
func (p *Plan) WithIntegrations(integrations ...action.Integration) *Plan {
	changed := p.clone()
	changed.options.Integrations = integrations
	return changed
}

// clone copies the plan as far as a check changes it. What was parsed is immutable.
func (p *Plan) clone() *Plan {
	c := *p
	c.Faults, c.Warnings, c.providers = slices.Clone(p.Faults), slices.Clone(p.Warnings), maps.Clone(p.providers)
	return &c
}

// fault adds a fault, unless it is known.
func (p *Plan) fault(f config.Fault) {
	if !slices.Contains(p.Faults, f) {
		p.Faults = append(p.Faults, f)
	}
}

// warn adds a warning, unless it is known.
func (p *Plan) warn(f config.Fault) {
	if !slices.Contains(p.Warnings, f) {
		p.Warnings = append(p.Warnings, f)
	}
}

// Err returns the faults in the order of the file; nil without faults.
func (p *Plan) Err() error {
	if len(p.Faults) == 0 {
		return nil
	}
	p.Faults.Sort()
	return p.Faults
}
