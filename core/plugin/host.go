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

// Options are what a Host is built of.
type Options struct {
	// Launcher starts the plugins. The host does not close it.
	Launcher Launcher
	// Logger gets what the plugins log, each record with the plugin's name.
	Logger *slog.Logger
	// Metrics get the plugins and count their calls; nil is none that are read.
	Metrics *action.Metrics
	// Timing is real time and chance if it is left out.
	Timing Timing
	// Checks say how often plugins are checked; zero values are defaults.
	Checks Checks
	// Accept says whether the config in force can work with the manifest of a file
	// that has replaced a plugin's. If it returns an error, the plugin before stays
	// in force. It is called from several goroutines. Nil accepts every manifest.
	Accept func(name string, manifest *sdk.Manifest) error
	// Down is called when a plugin does not work any more, also when it cannot be
	// started again, with the reason as callers see it. It must not block. Nil does
	// nothing.
	Down func(name, reason string)
	// Admit is asked once by Start, when each plugin has published a manifest or has
	// failed, or takes too long, and before any is configured. Its error is that of
	// Start, and no plugin is configured then. Nil admits.
	Admit func() error
}

// Host owns all plugins of a config: it starts them, keeps them running and
// stops them. It is safe for concurrent use.
type Host struct {
	env     environment
	log     *slog.Logger
	metrics *action.Metrics
	admit   func() error

	processes processMetrics

	changing sync.Mutex // held from Prepare to the end of the Change

	mu      sync.Mutex // guards what follows
	plugins []*Plugin
	members map[string]Member
	life    context.Context // ends with Stop; nil before Start
	cancel  context.CancelFunc
	stopped bool
}

const (
	// startWait is how long Start waits for plugins. It is long enough for all healthy
	// plugins to be ready before the first request, and short enough to go on without
	// the others.
	startWait = 5 * time.Second
	// describeWait is how much of it is for their manifests.
	describeWait = 4 * time.Second
	// optionalStartWait is the same as both for plugins that are optional.
	optionalStartWait = 2 * time.Second
)

// NewHost returns a host of the members, none of them started. Two members of one
// name are an error.
func NewHost(options Options, members []Member) (*Host, error) {
	if options.Timing.Now == nil {
		options.Timing = Timing{Now: time.Now, After: time.After, Random: rand.Float64}
	}
	if options.Down == nil {
		options.Down = func(string, string) {}
	}
	host := &Host{
		env: environment{
			launcher: options.Launcher, timing: options.Timing,
			checks: options.Checks.withDefaults(), accept: options.Accept, down: options.Down,
			gate: gate{decided: make(chan struct{})},
		},
		log: options.Logger, metrics: options.Metrics, processes: newProcessMetrics(), admit: options.Admit,
	}
	if host.metrics == nil {
		host.metrics = action.NewMetrics()
	}
	var err error
	if host.members, err = byName(members); err != nil {
		return nil, err
	}
	for name := range host.members {
		host.plugins = append(host.plugins, host.newPlugin(name))
	}
	sortPlugins(host.plugins)
	return host, nil
}

// byName fills in defaults, and refuses two members of one name.
func byName(members []Member) (map[string]Member, error) {
	named := make(map[string]Member, len(members))
	for _, member := range members {
		name := member.Spec.Name
		if _, twice := named[name]; twice {
			return nil, fmt.Errorf("plugin %q is there twice", name)
		}
		if member.Spec.Timeout <= 0 {
			member.Spec.Timeout = DefaultTimeout
		}
		if member.Spec.MaxConcurrency <= 0 {
			member.Spec.MaxConcurrency = DefaultMaxConcurrency
		}
		named[name] = member
	}
	return named, nil
}

func (h *Host) newPlugin(name string) *Plugin {
	p := &Plugin{
		name: name, env: &h.env,
		handovers: make(chan handover), removed: make(chan struct{}),
		described: make(chan struct{}), firstStart: make(chan struct{}),
		status: status{Status: action.Status{State: action.StateStarting, Since: h.env.timing.Now().UTC()}, summary: "not ready yet"},
	}
	p.logger = slog.New(p.redactor.Handler(h.log.Handler())).With("plugin", name)
	p.calls = h.metrics.Add(p)
	return p
}

func sortPlugins(plugins []*Plugin) {
	slices.SortFunc(plugins, func(a, b *Plugin) int { return strings.Compare(a.name, b.name) })
}

// Plugins returns all plugins, sorted by name.
func (h *Host) Plugins() []*Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.plugins)
}

// Plugin returns a plugin by its name.
func (h *Host) Plugin(name string) (*Plugin, bool) {
	for _, p := range h.Plugins() {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

// Start starts all plugins at once and waits, for a few seconds at most, until
// each is ready or has failed. For those that are optional it waits less. Neither a
// slow plugin nor a broken one is an error: its Status shows it. The error is that of
// Options.Admit. The context bounds the wait only. Starting twice, or after Stop, is
// an error.
func (h *Host) Start(ctx context.Context) error {
	h.mu.Lock()
	if h.life != nil || h.stopped {
		h.mu.Unlock()
		return errors.New("plugin host: it has been started or stopped before")
	}
	h.life, h.cancel = context.WithCancel(context.Background())
	for _, p := range h.plugins {
		h.supervise(p, nil)
	}
	h.mu.Unlock()
	// A plugin that takes longer goes on starting.
	var described, started sync.WaitGroup
	wait := func(waits *sync.WaitGroup, limit time.Duration, optional bool, awaited func(*Plugin) <-chan struct{}) {
		ctx, stop := context.WithTimeout(ctx, limit)
		waits.Go(func() {
			defer stop()
			_ = h.await(ctx, optional, awaited)
		})
	}
	wait(&started, startWait, false, (*Plugin).startedOnce)
	wait(&started, optionalStartWait, true, (*Plugin).startedOnce)
	wait(&described, describeWait, false, (*Plugin).describedOrFailed)
	wait(&described, optionalStartWait, true, (*Plugin).describedOrFailed)
	described.Wait()
	if h.admit != nil {
		if err := h.admit(); err != nil {
			h.env.gate.decide(errRefused)
			started.Wait()
			return err
		}
	}
	h.env.gate.decide(nil)
	started.Wait()
	return nil
}

// supervise begins to keep a plugin running; mu is held. started is the instance
// that runs already, nil if none exists.
func (h *Host) supervise(p *Plugin, started *running) {
	s := &supervisor{p: p, member: h.members[p.name]}
	p.sandbox.Store(s.member.Config.Sandbox)
	life := h.life
	h.env.background.Go(func() { s.run(life, started) })
}

// Ready waits until the first start of each plugin that is not optional has
// succeeded or failed. It returns ctx's error if ctx ends first.
func (h *Host) Ready(ctx context.Context) error { return h.await(ctx, false, (*Plugin).startedOnce) }

// await waits for what is awaited of each of the plugins that are optional, or of
// those that are not.
func (h *Host) await(ctx context.Context, optional bool, awaited func(*Plugin) <-chan struct{}) error {
	h.mu.Lock()
	var plugins []*Plugin
	for _, p := range h.plugins {
		if h.members[p.name].Optional == optional {
			plugins = append(plugins, p)
		}
	}
	h.mu.Unlock()
	for _, p := range plugins {
		select {
		case <-awaited(p):
		case <-ctx.Done():
			return fmt.Errorf("plugin %s is not ready: %w", p.name, ctx.Err())
		}
	}
	return nil
}

// Stop ends all plugins, and their calls in progress, and waits until no process
// and no goroutine of theirs is left, or ctx ends. It is safe to call twice.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	h.stopped = true
	if h.cancel != nil {
		h.cancel()
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.env.background.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("plugin host: stop: %w", ctx.Err())
	}
}
