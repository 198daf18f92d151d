package plugin

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/backflow/backflow/sdk"
)

// Change is another set of plugins that is ready to take the place of the one in
// force. It ends with Commit or Discard, one of which is to be called once.
type Change struct {
	host    *Host
	members map[string]Member
	plugins []*Plugin // of the new set
	started map[*Plugin]*running
	fresh   map[*Plugin]bool // they were not there before
}

// Prepare starts what is new or otherwise in the members, and answers when all of
// it is ready: either everything can come into force or, with an error that says
// why of each, nothing does. What is in force goes on meanwhile. The context
// bounds the starts. Another Change has to end first.
func (h *Host) Prepare(ctx context.Context, members []Member) (_ *Change, err error) {
	h.changing.Lock()
	defer func() {
		if err != nil {
			h.changing.Unlock()
		}
	}()
	c := &Change{host: h, started: make(map[*Plugin]*running), fresh: make(map[*Plugin]bool)}
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
		p, there := h.Plugin(name)
		if !there {
			p = h.newPlugin(name)
			c.fresh[p] = true
		}
		c.plugins = append(c.plugins, p)
		if !there || !reflect.DeepEqual(before[name], member) {
			changed = append(changed, p)
		}
	}
	sortPlugins(c.plugins)
	sortPlugins(changed)
	if err := c.start(ctx, changed); err != nil {
		c.drop()
		return nil, err
	}
	return c, nil
}

// start starts all plugins at once and waits for them.
func (c *Change) start(ctx context.Context, plugins []*Plugin) error {
	var starts sync.WaitGroup
	results := make([]attempt, len(plugins))
	for i, p := range plugins {
		starts.Go(func() {
			r, err := p.start(ctx, c.members[p.name], nil)
			if err != nil {
				err = fmt.Errorf("plugin %s: %s", p.name, p.redactor.String(err.Error()))
			}
			results[i] = attempt{r, err}
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

// Plugins answers the plugins of the new set, sorted by name.
func (c *Change) Plugins() []*Plugin { return c.plugins }

// Manifest answers what a plugin of the new set publishes once it is in force;
// nil where it has published nothing yet.
func (c *Change) Manifest(p *Plugin) *sdk.Manifest {
	if r := c.started[p]; r != nil {
		return r.manifest
	}
	return p.Manifest()
}

// Commit puts the set in force. Calls under way finish where they are, and what
// was replaced or removed ends after its last call.
func (c *Change) Commit() {
	h := c.host
	defer h.changing.Unlock()
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		c.drop()
		return
	}
	life, before := h.life, h.plugins
	h.plugins, h.members = c.plugins, c.members
	for p := range c.fresh {
		h.supervise(p, c.started[p])
		delete(c.started, p)
	}
	h.mu.Unlock()
	for p, r := range c.started {
		select {
		case p.adoptions <- adoption{c.members[p.name], r}:
		case <-life.Done():
			p.close(r)
		}
	}
	for _, p := range before {
		if !slices.Contains(c.plugins, p) {
			close(p.removed)
			h.meters.forget(p.name)
		}
	}
}

// Discard ends what was started; the set in force stays.
func (c *Change) Discard() {
	c.drop()
	c.host.changing.Unlock()
}

func (c *Change) drop() {
	for p, r := range c.started {
		p.close(r)
	}
	for p := range c.fresh {
		c.host.meters.forget(p.name)
	}
}
