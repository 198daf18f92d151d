package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Launcher is a transport: it starts instances of one kind of plugin. It is safe
// for concurrent use.
type Launcher interface {
	// Launch starts the plugin of spec and shakes hands with it. The context
	// bounds the start only, not the life of the instance. What the plugin logs
	// goes to logger. No byte is run that Spec.VerifyChecksum has not passed. An error of
	// which it is certain that the same start would fail again is marked with Refuse.
	Launch(ctx context.Context, spec Spec, logger *slog.Logger) (Instance, error)
}

// Instance is one running plugin. All methods but Configure are safe for
// concurrent use. The caller of Launch closes it, also after it has ended by
// itself.
type Instance interface {
	// Manifest asks for the plugin's manifest, unchecked.
	Manifest(ctx context.Context) (*sdk.Manifest, error)
	// Configure hands the config over, once, before the first Execute. What the
	// plugin itself says against it is an *sdk.Error.
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
	// Done is closed when the instance has ended, for whatever reason.
	Done() <-chan struct{}
	// Exit says how it ended. It is valid once Done is closed.
	Exit() Exit
	// Close ends the instance, gently until ctx ends and then by force, and
	// waits until nothing of it is left. It is safe to call twice.
	Close(ctx context.Context) error
}

// Prober is an Instance that can be asked whether it is still there. It must not
// take a slow action for a dead plugin. It is safe for concurrent use.
type Prober interface {
	// Probe asks for a sign of life. An error means that none came, which the
	// end of ctx is as well.
	Probe(ctx context.Context) error
}

// MemoryReporter is an Instance whose memory can be measured from outside. It is safe
// for concurrent use.
type MemoryReporter interface {
	// Memory answers how many bytes of memory the plugin holds.
	Memory() (int64, error)
}

// Permanent marks the error of a start that would fail again with the same file and
// config: it is tried again when one of them changes, or after a long while.
func Permanent(err error) error { return &refusedError{err} }

// refusedError is what Refuse makes.
type refusedError struct{ cause error }

// Error answers the cause's text.
func (e *refusedError) Error() string { return e.cause.Error() }

// Unwrap answers the cause.
func (e *refusedError) Unwrap() error { return e.cause }

// VersionMismatch is the refusal of a plugin that speaks another version of a
// protocol than the gateway, with what to do about it.
func VersionMismatch(protocol string, theirs, ours int) error {
	advice := fmt.Sprintf("the plugin is too old: build it with the SDK of this gateway, or use a version of it that speaks %d", ours)
	if theirs > ours {
		advice = fmt.Sprintf("the gateway is too old for it: update Backflow, or use a version of the plugin that speaks %d", ours)
	}
	return Permanent(fmt.Errorf("the plugin speaks version %d of the %s, this gateway version %d; %s", theirs, protocol, ours, advice))
}

func isRefused(err error) bool {
	var refused *refusedError
	return errors.As(err, &refused)
}

// Exit is how an instance ended.
type Exit struct {
	// Reason is short and holds no output: "exit status 2", "signal: killed".
	Reason string
	// Clean says that it ended as it was asked to, or by itself without a fault:
	// it was not killed.
	Clean bool
	// Printed is how many bytes it wrote to standard output, which belongs to the
	// handshake, beyond that. It is zero where standard output is a log.
	Printed int64
	// Stderr is the last that the plugin wrote to standard error, bounded; it
	// may hold anything, secrets too.
	Stderr string
}

// excerptSize bounds what is shown of a plugin's last output.
const excerptSize = 4 << 10

// String answers the reason and what matters of the last output: the beginning
// of a crash where there is one, for its message and the stack of its cause, and
// the last lines else.
func (e Exit) String() string {
	output := strings.TrimSpace(e.Stderr)
	if output == "" {
		return e.Reason
	}
	cut := max(0, len(output)-excerptSize)
	for _, mark := range []string{"panic: ", "fatal error: "} {
		if strings.HasPrefix(output, mark) {
			cut = 0
		} else if at := strings.LastIndex(output, "\n"+mark); at >= 0 {
			cut = at + 1
		}
	}
	output = output[cut:min(len(output), cut+excerptSize)]
	return e.Reason + ": " + strings.ToValidUTF8(output, "")
}
