package plugin

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// environment is what all plugins of a Host share.
type environment struct {
	launcher Launcher
	timing   Timing
	checks   Checks
	accept   func(name string, manifest *sdk.Manifest) error
	down     func(name, reason string)
	gate     gate
	// background is everything that runs until the Host has stopped.
	background sync.WaitGroup
}

// Plugin is one supervised plugin. It is an integration whose calls work while
// an instance is ready and are refused with the reason while none is. It is made
// by a Host and safe for concurrent use.
type Plugin struct {
	name   string
	env    *environment
	logger *slog.Logger
	calls  *action.CallMetrics
	counters

	redactor telemetry.Redactor // knows the secrets in environment and credentials
	manifest atomic.Pointer[sdk.Manifest]
	current  atomic.Pointer[running]
	// sandbox says that the config in force has it stand in for its vendor.
	sandbox atomic.Bool

	// handovers are instances that a changed config has started.
	handovers chan handover
	// removed is closed when a changed config no longer has the plugin.
	removed chan struct{}

	// described is closed when the first start has shown a manifest or failed.
	described     chan struct{}
	describedOnce sync.Once
	// firstStart is closed when the first start has succeeded or failed.
	firstStart     chan struct{}
	firstStartOnce sync.Once

	mu     sync.Mutex // guards status
	status status

	checksumMu   sync.Mutex // guards checksumFile and checksum
	checksumFile fileState  // the last file of which a checksum was made
	checksum     string
}

var (
	_ action.Sandboxed    = (*Plugin)(nil)
	_ sdk.WebhookVerifier = (*Plugin)(nil)
	_ sdk.WebhookSampler  = (*Plugin)(nil)
	_ sdk.EventLister     = (*Plugin)(nil)
	_ sdk.EndpointSyncer  = (*Plugin)(nil)
)

// handover is an instance that a changed config has started already.
type handover struct {
	member  Member
	running *running
}

// status is what Status returns, and the reason for refusing a call.
type status struct {
	action.Status
	// summary is the reason without the plugin's output, for callers.
	summary string
}

// isDescribed notes that the plugin has published a manifest, or has failed before.
func (p *Plugin) isDescribed() { p.describedOnce.Do(func() { close(p.described) }) }

// isStarted notes that the first start has succeeded or failed.
func (p *Plugin) isStarted() {
	p.isDescribed()
	p.firstStartOnce.Do(func() { close(p.firstStart) })
}

func (p *Plugin) describedOrFailed() <-chan struct{} { return p.described }
func (p *Plugin) startedOnce() <-chan struct{}       { return p.firstStart }

// Name returns the name in config and paths.
func (p *Plugin) Name() string { return p.name }

// Manifest returns what the plugin published last, nil before it first did.
func (p *Plugin) Manifest() *sdk.Manifest { return p.manifest.Load() }

// InSandbox reports whether the config in force has the plugin stand in for its vendor.
func (p *Plugin) InSandbox() bool { return p.sandbox.Load() }

// Status says whether calls can be expected to work.
func (p *Plugin) Status() action.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.status.Status
	now.Restarts = int(p.counters.restarts.Load())
	return now
}

func (p *Plugin) setStatus(s status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Since = p.status.Since; s.State != p.status.State {
		s.Since = p.env.timing.Now().UTC()
	}
	p.status = s
}

// setRejected shows why a replaced file is not in force, "" if it is.
func (p *Plugin) setRejected(reason string) {
	p.mu.Lock()
	p.status.Rejected = reason
	p.mu.Unlock()
}

// closeTimeout is how long a plugin may take to end when it is asked to.
const closeTimeout = 3 * time.Second

// close ends an instance for good. The instance has closeTimeout for it, whatever
// else is stopping.
func (p *Plugin) close(r *running) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.instance.Close(ctx); err != nil {
		p.logger.Warn("the plugin did not end as it should", "error", p.redactor.String(err.Error()))
	}
}
