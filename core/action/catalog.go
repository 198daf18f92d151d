package action

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
)

// Catalog is what integrations publish: their names, their manifests and their
// actions with compiled schemas. Nothing can be called through it. It is
// immutable but for what integrations publish when they become ready, and safe
// for concurrent use.
type Catalog struct {
	names   []string // sorted
	entries map[string]*entry
}

// publisher is what a catalog needs of an integration.
type publisher interface {
	Manifest() *sdk.Manifest
	Status() Status
}

// entry is an integration with what was compiled from its manifest.
type entry struct {
	publisher   publisher
	integration Integration // nil where only the manifest is known
	// credentials says where its credentials stand; nil for nowhere.
	credentials func(*sdk.Manifest) string

	mu        sync.Mutex // guards published
	published *published // what the manifest of the last call declares; nil before the first
}

// published is what a manifest declares.
type published struct {
	manifest *sdk.Manifest
	actions  map[string]*offer
	names    []string // sorted
	bound    []*offer // those with an HTTP binding, in the order to try
}

// offer is an action that a manifest declares. Its schema is compiled when it is first
// asked for: an integration may have hundreds, of which a config uses a few.
type offer struct {
	spec    *sdk.ActionSpec
	binding *binding
	action  func() (*Action, error)
}

// NewCatalog returns a catalog of manifests by the name of their integration. A
// nil manifest is that of an integration that has published nothing yet.
func NewCatalog(manifests map[string]*sdk.Manifest) *Catalog {
	c := &Catalog{entries: make(map[string]*entry, len(manifests))}
	for name, manifest := range manifests {
		c.entries[name] = &entry{publisher: manifestOnly{manifest}}
	}
	c.names = slices.Sorted(maps.Keys(c.entries))
	return c
}

// manifestOnly is an integration of which nothing but the manifest is known.
type manifestOnly struct{ manifest *sdk.Manifest }

func (m manifestOnly) Manifest() *sdk.Manifest { return m.manifest }
func (m manifestOnly) Status() Status          { return Status{State: StateStarting} }

// Names lists the integrations, sorted.
func (c *Catalog) Names() []string { return slices.Clone(c.names) }

// Manifest returns what an integration publishes: nil where it has published
// nothing yet, or does not exist. It must not be changed.
func (c *Catalog) Manifest(integration string) *sdk.Manifest {
	e, ok := c.entries[integration]
	if !ok {
		return nil
	}
	return e.publisher.Manifest()
}

// Describe returns what is published of an action. Its errors are those of
// Registry.Find.
func (c *Catalog) Describe(integration, action string) (*Descriptor, error) {
	a, err := c.action(integration, action)
	if err != nil {
		return nil, err
	}
	return &a.Descriptor, nil
}

// FetchEvent stands for the action of an integration that fetches what an event of its
// webhooks is about: see sdk.WebhookCapability. No action has a slash in its name, and
// none can be asked for over HTTP by one.
const FetchEvent = "webhook/fetch"

// action finds an action by name.
func (c *Catalog) action(integration, name string) (*Action, error) {
	p, err := c.published(integration)
	if err != nil {
		return nil, err
	}
	if name == FetchEvent {
		if p.manifest.Webhook == nil || p.manifest.Webhook.FetchAction == "" {
			return nil, refuse(sdk.CodeUnknownAction, "", "integration %q fetches nothing for an event", integration)
		}
		name = p.manifest.Webhook.FetchAction
	}
	a, ok := p.actions[name]
	if !ok {
		return nil, refuse(sdk.CodeUnknownAction, suggest.Hint(name, p.names),
			"integration %q has no action %q", integration, name)
	}
	return a.action()
}

// published returns what an integration publishes now.
func (c *Catalog) published(name string) (*published, error) {
	e, ok := c.entries[name]
	if !ok {
		return nil, refuse(sdk.CodeNotFound, suggest.Hint(name, c.names), "there is no integration %q", name)
	}
	manifest := e.publisher.Manifest()
	if manifest == nil {
		return nil, Unavailable(name, e.publisher.Status())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.published != nil && e.published.manifest == manifest {
		return e.published, nil
	}
	p := offers(name, e, manifest)
	e.published = p
	return p, nil
}

// offers reads what a manifest declares.
func offers(name string, e *entry, manifest *sdk.Manifest) *published {
	p := &published{manifest: manifest, actions: make(map[string]*offer, len(manifest.Actions))}
	credentials := func() string {
		if e.credentials == nil {
			return ""
		}
		return e.credentials(manifest)
	}
	for i := range manifest.Actions {
		spec := &manifest.Actions[i]
		o := &offer{spec: spec, binding: newBinding(spec.HTTP)}
		o.action = sync.OnceValues(func() (*Action, error) { return o.compile(name, e.integration, credentials, p) })
		p.actions[spec.Name] = o
		p.names = append(p.names, spec.Name)
	}
	slices.Sort(p.names)
	for _, name := range p.names {
		if o := p.actions[name]; o.binding != nil {
			p.bound = append(p.bound, o)
		}
	}
	slices.SortStableFunc(p.bound, func(a, b *offer) int { return a.binding.compare(b.binding) })
	return p
}

// compile compiles what an action declares. The error is *sdk.Error, with
// CodeUnavailable.
func (o *offer) compile(name string, integration Integration, credentials func() string, p *published) (*Action, error) {
	params, err := schema.Compile(o.spec.Params)
	if err != nil {
		err = fmt.Errorf("schema of the params of %s: %w", o.spec.Name, err)
	}
	treatments, invalid := o.spec.Treatments()
	if err == nil && invalid != nil {
		err = fmt.Errorf("%s: %w", o.spec.Name, invalid)
	}
	if err != nil {
		return nil, &sdk.Error{Code: sdk.CodeUnavailable, Outcome: sdk.OutcomeNotExecuted,
			Message: fmt.Sprintf("integration %q: %v", name, err)}
	}
	return &Action{
		Descriptor: Descriptor{
			integration: name,
			spec:        o.spec,
			params:      params,
			treatments:  treatments,
			types:       textTypes(o.spec.Params),
			siblings:    siblings{names: p.names, find: func(name string) (*Action, error) { return p.actions[name].action() }},
		},
		callee: integration, credentials: credentials,
	}, nil
}
