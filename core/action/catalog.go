package action

import (
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/schema"
	"github.com/backflow/backflow/sdk"
)

// catalog is a manifest made ready for use: its schemas are compiled.
type catalog struct {
	manifest *sdk.Manifest
	actions  map[string]*Action
	names    []string  // sorted
	bound    []*Action // those with an HTTP binding, in the order to try
}

func newCatalog(integration Integration, manifest *sdk.Manifest) (*catalog, error) {
	c := &catalog{manifest: manifest, actions: make(map[string]*Action, len(manifest.Actions))}
	for i := range manifest.Actions {
		spec := &manifest.Actions[i]
		params, err := schema.Compile(spec.Params)
		if err != nil {
			return nil, fmt.Errorf("schema of the params of %s: %w", spec.Name, err)
		}
		c.actions[spec.Name] = &Action{
			integration: integration,
			spec:        spec,
			params:      params,
			binding:     newBinding(spec.HTTP),
			types:       textTypes(spec.Params),
		}
		c.names = append(c.names, spec.Name)
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		if a := c.actions[name]; a.binding != nil {
			c.bound = append(c.bound, a)
		}
	}
	slices.SortStableFunc(c.bound, func(a, b *Action) int { return a.binding.compare(b.binding) })
	return c, nil
}
