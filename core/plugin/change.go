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

	mu        sync.Mutex
	manifests map[*Plugin]*sdk.Manifest // of what was started; guarded by mu
}

// Prepare starts the plugins that are new or different in the members, and returns
// when all of them are ready, except new ones that are optional. If one fails, nothing comes into force, and the error
// says why for each. check is asked when all of them have published their manifests and
// before any is configured; its error is that of Prepare, and nil asks nothing. The
// set in force goes on meanwhile. The context bounds the starts. Prepare waits until
// another Change has ended.
func (h *Host) Prepare(ctx context.Context, members []Member, check func(*Change) error) (_ *Change, err error) {
	h.changing.Lock()
	defer func() {
		if err != nil {
			h.changing.Unlock()
		}
	}()
	c := &Change{host: h, started: make(map[*Plugin]*running), added: make(map[*Plugin]bool), manifests: make(map[*Plugin]*sdk.Manifest)}
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
	if err := c.start(ctx, changed, check); err != nil {
		c.closeStarted()
		return nil, err
	}
	return c, nil
}

// errAnother is why a plugin of a change is not configured: another one has failed.
var errAnother = errors.New("another plugin has failed")

// start starts all plugins at once and waits for them. None is configured unless all
// have published their manifests and check has found nothing.
func (c *Change) start(ctx context.Context, plugins []*Plugin, check func(*Change) error) error {
	admission := gate{decided: make(chan struct{})}
	var describing, starts sync.WaitGroup
	describing.Add(len(plugins))
	results := make([]startResult, len(plugins))
	for i, p := range plugins {
		described := sync.OnceFunc(describing.Done)
		starts.Go(func() {
			r, _, err := p.start(ctx, c.members[p.name], func(manifest *sdk.Manifest) error {
				c.mu.Lock()
				c.manifests[p] = manifest
				c.mu.Unlock()
				described()
				return admission.pass(ctx)
			})
			results[i] = startResult{r, err}
			described()
		})
	}
	describing.Wait()
	var refused error
	switch {
	case !c.allDescribed(plugins):
		admission.decide(errAnother)
	case check != nil:
		if refused = check(c); refused != nil {
			admission.decide(errRefused)
		}
		admission.decide(nil)
	default:
		admission.decide(nil)
	}
	starts.Wait()
	var failures []error
	for i, result := range results {
		switch p := plugins[i]; {
		case result.running != nil:
			c.started[p] = result.running
		case refused == nil && !errors.Is(result.err, errAnother):
			failures = append(failures, fmt.Errorf("plugin %s: %s", p.name, p.redactor.String(result.err.Error())))
		}
	}
	return errors.Join(append(failures, refused)...)
}

func (c *Change) allDescribed(plugins []*Plugin) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range plugins {
		if c.manifests[p] == nil {
			return false
		}
	}
	return true
}

// Plugins returns the plugins of the new set, sorted by name.
func (c *Change) Plugins() []*Plugin { return c.plugins }

// Manifest returns what a plugin of the new set will publish once the set is in
// force, nil if it has published nothing yet.
func (c *Change) Manifest(p *Plugin) *sdk.Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if manifest := c.manifests[p]; manifest != nil {
		return manifest
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
			h.metrics.Remove(p)
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
		c.host.metrics.Remove(p)
	}
}
