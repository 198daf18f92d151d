package plugin

import (
	"context"
	"log/slog"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Launcher is a transport: it starts instances of one kind of plugin. It is safe
// for concurrent use.
type Launcher interface {
	// Launch starts the plugin of spec and shakes hands with it. The context
	// bounds the start only, not the life of the instance. What the plugin logs
	// goes to logger. No byte is run before Spec.VerifyChecksum has accepted it. If
	// the same start is certain to fail again, the error is marked with Permanent.
	Launch(ctx context.Context, spec Spec, logger *slog.Logger) (Instance, error)
}

// Instance is one running plugin. All methods but Configure are safe for
// concurrent use. The caller of Launch closes it, also after it has ended by
// itself.
type Instance interface {
	// Manifest asks for the plugin's manifest, unchecked.
	Manifest(ctx context.Context) (*sdk.Manifest, error)
	// Configure hands the config over, once, before the first Execute. If the plugin
	// itself refuses it, the error is an *sdk.Error.
	Configure(ctx context.Context, config sdk.Config) error
	// Execute runs one action once. Its errors are *sdk.Error. An instance that
	// is gone returns CodeUnavailable; the outcome is not_executed only when the
	// call was never sent. When ctx ends or the deadline passes, whichever is first,
	// the call is abandoned and returns CodeTimeout. The deadline is apart from the
	// context because a transport has cheaper means than a context of its own for
	// each call.
	Execute(ctx context.Context, deadline time.Time, call sdk.Call) (sdk.Result, error)
	// ExecuteWithTimeout is Execute, but the plugin gets the timeout instead of the
	// time until the deadline. With a timeout that ends long before the deadline one
	// finds out whether a plugin keeps its deadlines by itself.
	ExecuteWithTimeout(ctx context.Context, deadline time.Time, timeout time.Duration, call sdk.Call) (sdk.Result, error)
	sdk.WebhookVerifier
	sdk.WebhookSampler
	sdk.SandboxController
	sdk.UseChecker
	sdk.EventLister
	sdk.EndpointSyncer
	// Done is closed when the instance has ended, for whatever reason.
	Done() <-chan struct{}
	// Exit says how it ended. It is valid once Done is closed.
	Exit() Exit
	// Close ends the instance, gently until ctx ends and then by force, and
	// waits until nothing of it is left. It is safe to call twice.
	Close(ctx context.Context) error
}

// Prober is an Instance that can be asked whether it is still alive. It must not
// take a slow action for a dead plugin. It is safe for concurrent use.
type Prober interface {
	// Probe asks for a sign of life. An error means that none came, also when ctx
	// ended first.
	Probe(ctx context.Context) error
}

// HealthReporter is an Instance whose plugin may tell itself that its calls cannot
// succeed now. It is safe for concurrent use.
type HealthReporter interface {
	// Health returns the plugin's reason, nil where calls can succeed or the plugin
	// cannot tell. It says nothing of whether the plugin is alive.
	Health(ctx context.Context) error
}

// MemoryReporter is an Instance whose memory can be measured from outside. It is
// safe for concurrent use.
type MemoryReporter interface {
	// Memory returns how many bytes of memory the plugin holds.
	Memory() (int64, error)
}
