package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/backflow/backflow/sdk"
)

// Change is another set of plugins that is ready to take the place of the one in
// force. The caller ends it with either Commit or Discard, once.
type Change struct {
	host    *Host
	members map[string]Member
	plugins []*Plugin // of the new set
	started map[*Plugin]*running
	added   map[*Plugin]bool // those that the set in force does not have
}

// Prepare starts the plugins that are new or different in the members, and returns
// when all of them are ready, except new ones that are optional. If one fails, nothing comes into force, and the error
// says why for each. The set in force goes on meanwhile. The context bounds the
// starts. Prepare waits until another Change has ended.
func (h *Host) Prepare(ctx context.Context, members []Member) (_ *Change, err error) {
	h.changing.Lock()
	defer func() {
		if err != nil {
			h.changing.Unlock()
		}
	}()
	c := &Change{host: h, started: make(map[*Plugin]*running), added: make(map[*Plugin]bool)}
	if c.members, err = byName(members); err != nil {
		return nil, err
	}
	h.mu.Lock()
	before, live := h.members, h.life != nil && !h.stopped
	h.mu.Unlock()
	if !live {
		return nil, errors.New("plugin host: it does not run")
	}
	var changed []*Plugin
	for name, member := range c.members {
		p, exists := h.Plugin(name)
		if !exists {
			p = h.newPlugin(name)
			c.added[p] = true
		}
		c.plugins = append(c.plugins, p)
		// What is new and not named by anything starts after the change.
		if (!exists && !member.Optional) || (exists && !before[name].sameInstance(member)) {
			changed = append(changed, p)
		}
	}
	sortPlugins(c.plugins)
	sortPlugins(changed)
	if err := c.start(ctx, changed); err != nil {
		c.closeStarted()
		return nil, err
	}
	return c, nil
}

// start starts all plugins at once and waits for them.
func (c *Change) start(ctx context.Context, plugins []*Plugin) error {
	var starts sync.WaitGroup
	results := make([]startResult, len(plugins))
	for i, p := range plugins {
		starts.Go(func() {
			r, _, err := p.start(ctx, c.members[p.name], nil)
			if err != nil {
				err = fmt.Errorf("plugin %s: %s", p.name, p.redactor.String(err.Error()))
			}
			results[i] = startResult{r, err}
		})
	}
	starts.Wait()
	var failures []error
	for i, result := range results {
		failures = append(failures, result.err)
		if result.running != nil {
			c.started[plugins[i]] = result.running
		}
	}
	return errors.Join(failures...)
}

// Plugins returns the plugins of the new set, sorted by name.
func (c *Change) Plugins() []*Plugin { return c.plugins }

// Manifest returns what a plugin of the new set will publish once the set is in
// force, nil if it has published nothing yet.
func (c *Change) Manifest(p *Plugin) *sdk.Manifest {
	if r := c.started[p]; r != nil {
		return r.manifest
	}
	return p.Manifest()
}

// Commit puts the set in force. Calls in progress finish where they are. A plugin
// that was replaced or removed ends after its last call.
func (c *Change) Commit() {
	h := c.host
	defer h.changing.Unlock()
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		c.closeStarted()
		return
	}
	life, before := h.life, h.plugins
	h.plugins, h.members = c.plugins, c.members
	for p := range c.added {
		h.supervise(p, c.started[p])
		delete(c.started, p)
	}
	h.mu.Unlock()
	for p, r := range c.started {
		select {
		case p.handovers <- handover{c.members[p.name], r}:
		case <-life.Done():
			p.close(r)
		}
	}
	for _, p := range before {
		if !slices.Contains(c.plugins, p) {
			close(p.removed)
			h.metrics.remove(p.name)
		}
	}
}

// Discard ends what was started; the set in force stays.
func (c *Change) Discard() {
	c.closeStarted()
	c.host.changing.Unlock()
}

// closeStarted ends what was started for the change and is not in force.
func (c *Change) closeStarted() {
	for p, r := range c.started {
		p.close(r)
	}
	for p := range c.added {
		c.host.metrics.remove(p.name)
	}
}
