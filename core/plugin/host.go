package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// Member is one plugin of a Host.
type Member struct {
	Spec Spec
	// Config is handed to the plugin. Its Credentials are nil where the config
	// gives none.
	Config sdk.Config
}

// Options are what a Host is built of.
type Options struct {
	// Launcher starts the plugins. The host does not close it.
	Launcher Launcher
	// Logger gets what the plugins log, each record with the plugin's name.
	Logger *slog.Logger
	// Timing is real time and chance where it is left out.
	Timing Timing
}

// Host owns all plugins of a config: it starts them, keeps them running and
// stops them. It is safe for concurrent use.
type Host struct {
	plugins []*Plugin

	mu     sync.Mutex // guards cancel and the transition to stopped
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startWait is how long Start waits for plugins: long enough for all that are
// well to be ready before the first request, short enough to go on without one.
const startWait = 5 * time.Second

// NewHost answers a host of the members, none of them started.
func NewHost(options Options, members []Member) (*Host, error) {
	if options.Timing.Now == nil {
		options.Timing = Timing{Now: time.Now, After: time.After, Random: rand.Float64}
	}
	host := &Host{}
	for _, member := range members {
		spec := member.Spec
		if _, twice := host.Plugin(spec.Name); twice {
			return nil, fmt.Errorf("plugin %q is there twice", spec.Name)
		}
		if spec.Timeout <= 0 {
			spec.Timeout = DefaultTimeout
		}
		if spec.MaxConcurrency <= 0 {
			spec.MaxConcurrency = DefaultMaxConcurrency
		}
		p := &Plugin{
			spec:     spec,
			config:   member.Config,
			launcher: options.Launcher,
			timing:   options.Timing,
			limit:    newLimiter(spec.MaxConcurrency),
			settled:  make(chan struct{}),
			status:   status{Status: action.Status{State: action.StateStarting}, brief: "not ready yet"},
		}
		p.redactor.Add(spec.Secrets...)
		p.logger = slog.New(p.redactor.Handler(options.Logger.Handler())).With("plugin", spec.Name)
		host.plugins = append(host.plugins, p)
	}
	slices.SortFunc(host.plugins, func(a, b *Plugin) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	return host, nil
}

// Plugins answers all plugins, sorted by name.
func (h *Host) Plugins() []*Plugin { return slices.Clone(h.plugins) }

// Plugin answers a plugin by its name.
func (h *Host) Plugin(name string) (*Plugin, bool) {
	for _, p := range h.plugins {
		if p.spec.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Start starts all plugins at once and waits, for a few seconds at most, until
// each is ready or has failed. Neither a slow plugin nor a broken one is an
// error: Status tells of it. The context bounds the wait only. Starting twice, or
// after Stop, is an error.
func (h *Host) Start(ctx context.Context) error {
	h.mu.Lock()
	if h.cancel != nil {
		h.mu.Unlock()
		return errors.New("plugin host: it has been started or stopped before")
	}
	life, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	for _, p := range h.plugins {
		h.done.Go(func() { p.supervise(life) })
	}
	h.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, startWait)
	defer stop()
	// A plugin that takes longer goes on starting.
	_ = h.Ready(ctx)
	return nil
}

// Ready waits until each plugin has once been ready, unconfigured or reported
// failed. It answers ctx's error when that ends first.
func (h *Host) Ready(ctx context.Context) error {
	for _, p := range h.plugins {
		select {
		case <-p.settled:
		case <-ctx.Done():
			return fmt.Errorf("plugin %s is not ready: %w", p.spec.Name, ctx.Err())
		}
	}
	return nil
}

// Stop ends all plugins, calls under way included, and waits until no process
// and no goroutine of theirs is left, or ctx ends. It is safe to call twice.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	if h.cancel == nil {
		h.cancel = func() {}
	}
	h.cancel()
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.done.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("plugin host: stop: %w", ctx.Err())
	}
}
