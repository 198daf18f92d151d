package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/internal/output"
	"github.com/backflow/backflow/core/plugin/wasm/modulecache"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// drainTimeout is how long calls may go on when the instance is closed.
const drainTimeout = 2 * time.Second

// minInstances is the bound on guests if the config gives none and the machine has
// few cores: a guest that waits for HTTP uses no core.
const minInstances = 8

// instance is a plugin's module with a pool of guests.
type instance struct {
	name   string
	module *modulecache.Module
	soft   bool
	pool   *pool
	lines  *output.Lines
	http   *httpHost
	// config is sent to each new guest before its first call. It is nil before
	// Configure.
	config atomic.Pointer[sdk.Config]

	// abandoned are the calls of guests with a soft deadline whose callers wait no
	// longer.
	abandoned sync.WaitGroup

	close  sync.Once
	closed error
	done   chan struct{}
}

var _ plugin.Instance = (*instance)(nil)

// newInstance takes over the caller's use of the module.
func newInstance(m *modulecache.Module, spec plugin.Spec, logger *slog.Logger) *instance {
	guests := spec.WASM.Instances
	if guests <= 0 {
		guests = max(minInstances, 2*goruntime.GOMAXPROCS(0))
		if spec.MaxConcurrency > 0 {
			guests = min(guests, spec.MaxConcurrency)
		}
	}
	lines := output.NewLines(logger, nil)
	failed := func(err error) { lines.Log("a guest was not closed", "reason", err.Error()) }
	return &instance{
		name: spec.Name, module: m, soft: m.Key().Soft, pool: newPool(guests, failed),
		lines: lines, http: newHTTPHost(spec.Name, spec.WASM.AllowedHosts), done: make(chan struct{}),
	}
}

// startFirst starts the first guest, so that a module that cannot start fails at
// once, and the first call finds a guest.
func (i *instance) startFirst(ctx context.Context) error {
	if err := i.pool.acquire(ctx, time.Time{}); err != nil {
		return err
	}
	defer i.pool.release()
	g, err := newGuest(ctx, time.Time{}, i.module, i.lines, i.http)
	if err != nil {
		return err
	}
	i.pool.add(g)
	i.pool.put(g)
	return nil
}

// Manifest asks a guest for the manifest.
func (i *instance) Manifest(ctx context.Context) (*sdk.Manifest, error) {
	manifest := &sdk.Manifest{}
	err := i.do(ctx, request{
		kind: abi.Manifest, operation: "GetManifest",
		encode: func(frame []byte) []byte { return frame },
		decode: func(frame abi.Frame) error { return readManifest(frame, manifest) },
	})
	if err != nil {
		return nil, fmt.Errorf("get manifest: %w", err)
	}
	return manifest, nil
}

// Configure sends the config to a guest, and to each that is started later.
func (i *instance) Configure(ctx context.Context, config sdk.Config) error {
	if _, err := appendConfig(nil, config); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	i.config.Store(&config)
	return i.do(ctx, request{})
}

// Execute runs one action in a guest.
func (i *instance) Execute(ctx context.Context, deadline time.Time, call sdk.Call) (sdk.Result, error) {
	return i.execute(ctx, deadline, deadline, call)
}

// ExecuteWithTimeout is Execute that gives the guest another timeout.
func (i *instance) ExecuteWithTimeout(ctx context.Context, deadline time.Time, timeout time.Duration, call sdk.Call) (sdk.Result, error) {
	return i.execute(ctx, deadline, time.Now().Add(timeout), call)
}

func (i *instance) execute(ctx context.Context, deadline, guestDeadline time.Time, call sdk.Call) (sdk.Result, error) {
	if err := plugin.CheckParamsSize(call.Params); err != nil {
		return sdk.Result{}, err
	}
	var result sdk.Result
	err := i.do(ctx, request{
		kind: abi.Execute, operation: call.Action, action: call.Action, requestID: call.RequestID, deadline: deadline,
		encode: func(frame []byte) []byte { return appendCall(frame, &call, guestDeadline) },
		decode: func(frame abi.Frame) error { return readResult(frame, &result) },
	})
	if err != nil {
		return sdk.Result{}, asError(err)
	}
	return result, nil
}

// VerifyWebhook has a guest check a webhook.
func (i *instance) VerifyWebhook(ctx context.Context, hook sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	var event sdk.WebhookEvent
	deadline, _ := ctx.Deadline()
	err := i.do(ctx, request{
		kind: abi.VerifyWebhook, operation: "VerifyWebhook",
		encode: func(frame []byte) []byte { return appendWebhook(appendTimeout(frame, deadline), hook) },
		decode: func(frame abi.Frame) error { return readEvent(frame, &event) },
	})
	if err != nil {
		return sdk.WebhookEvent{}, err
	}
	return event, nil
}

// SampleWebhook has a guest make a sample event.
func (i *instance) SampleWebhook(ctx context.Context, wanted sdk.SampleRequest) (sdk.Sample, error) {
	var sample sdk.Sample
	deadline, _ := ctx.Deadline()
	err := i.do(ctx, request{
		kind: abi.SampleWebhook, operation: "SampleWebhook",
		encode: func(frame []byte) []byte { return appendSample(appendTimeout(frame, deadline), wanted) },
		decode: func(frame abi.Frame) error { return readSample(frame, &sample) },
	})
	if err != nil {
		return sdk.Sample{}, err
	}
	return sample, nil
}

// ControlSandbox has a guest carry out a command to its sandbox.
func (i *instance) ControlSandbox(ctx context.Context, command sdk.SandboxCommand) (json.RawMessage, error) {
	var result sdk.Result
	deadline, _ := ctx.Deadline()
	err := i.do(ctx, request{
		kind: abi.ControlSandbox, operation: "ControlSandbox",
		encode: func(frame []byte) []byte { return appendCommand(frame, command, deadline) },
		decode: func(frame abi.Frame) error { return readResult(frame, &result) },
	})
	if err != nil {
		return nil, err
	}
	return result.Body, nil
}

// CheckUses has a guest hold uses against what is there.
func (i *instance) CheckUses(ctx context.Context, uses []sdk.Use) (faults []sdk.UseFault, err error) {
	err = i.exchangeJSON(ctx, abi.CheckUses, "CheckUses", uses, &faults)
	return faults, err
}

// ListEvents has a guest list what has happened at its vendor.
func (i *instance) ListEvents(ctx context.Context, request sdk.ListEventsRequest) (page sdk.EventPage, err error) {
	err = i.exchangeJSON(ctx, abi.ListEvents, "ListEvents", request, &page)
	return page, err
}

// SyncEndpoint has a guest register the address of a webhook.
func (i *instance) SyncEndpoint(ctx context.Context, request sdk.SyncEndpointRequest) (sync sdk.EndpointSync, err error) {
	err = i.exchangeJSON(ctx, abi.SyncEndpoint, "SyncEndpoint", request, &sync)
	return sync, err
}

// exchangeJSON has a guest handle a request whose body is JSON, as that of the response
// is. The context bounds the call.
func (i *instance) exchangeJSON(ctx context.Context, kind abi.Kind, operation string, given, into any) error {
	body, err := json.Marshal(given)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	deadline, _ := ctx.Deadline()
	return i.do(ctx, request{
		kind: kind, operation: operation,
		encode: func(frame []byte) []byte { return abi.Append(appendTimeout(frame, deadline), abi.Body, body) },
		decode: func(frame abi.Frame) error { return readJSON(frame, "its response to "+operation, into) },
	})
}

// do sends a request to a guest. A request of kind 0 only makes sure that there is a
// configured guest.
func (i *instance) do(ctx context.Context, r request) error {
	if err := i.pool.acquire(ctx, r.deadline); err != nil {
		return notSent(err)
	}
	if !i.soft {
		return i.handle(ctx, r)
	}
	// Such a call cannot be interrupted, so a caller whose time is over abandons it.
	// The guest's slot stays taken for as long as the call goes on.
	if !r.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.deadline)
		defer cancel()
	}
	done := make(chan error, 1)
	i.abandoned.Go(func() { done <- i.handle(ctx, r) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return plugin.TimeoutError(ctx, r.operation)
	}
}

// handle does the work of do. It releases the slot that the caller has acquired.
func (i *instance) handle(ctx context.Context, r request) (err error) {
	defer i.pool.release()
	g := i.pool.get()
	if g == nil {
		if g, err = newGuest(ctx, r.deadline, i.module, i.lines, i.http); err != nil {
			return notSent(err)
		}
		i.pool.add(g)
	}
	defer i.pool.put(g)
	if err := i.configure(ctx, g, r.deadline); err != nil {
		return notSent(err)
	}
	if r.kind == 0 {
		return nil
	}
	return g.do(ctx, r)
}

// configure sends the config to a guest, if there is one that it does not have yet.
func (i *instance) configure(ctx context.Context, g *guest, deadline time.Time) error {
	config := i.config.Load()
	if config == nil || g.configured {
		return nil
	}
	err := g.do(ctx, request{
		kind: abi.Configure, operation: "Configure", deadline: deadline,
		encode: func(frame []byte) []byte {
			// Configure has checked that this config can be encoded.
			frame, _ = appendConfig(appendTimeout(frame, deadline), *config)
			return frame
		},
		decode: func(abi.Frame) error { return nil },
	})
	g.configured = err == nil
	g.broken = g.broken || err != nil
	return err
}

// notSent is the error of a call that failed before it was sent: it was not executed.
func notSent(err error) error {
	var known *sdk.Error
	if errors.As(err, &known) {
		e := *known
		e.Outcome = sdk.OutcomeNotExecuted
		return &e
	}
	e := &sdk.Error{Code: sdk.CodeUnavailable, Message: err.Error(), Retryable: true, Outcome: sdk.OutcomeNotExecuted}
	if errors.Is(err, errNoGuest) {
		e.Code = sdk.CodeTimeout
	}
	return e
}

// asError returns the *sdk.Error that err is or wraps.
func asError(err error) *sdk.Error {
	var known *sdk.Error
	if errors.As(err, &known) {
		return known
	}
	return &sdk.Error{Code: sdk.CodeInternal, Message: err.Error(), Outcome: sdk.OutcomeUnknown}
}

// Done is closed when the instance has been closed. An instance never ends by itself:
// a guest that fails is replaced.
func (i *instance) Done() <-chan struct{} { return i.done }

// Exit returns that it was stopped.
func (i *instance) Exit() plugin.Exit {
	return plugin.Exit{Reason: "stopped", Clean: i.closed == nil}
}

// Close waits until calls have ended, and interrupts them when ctx ends or
// drainTimeout has passed. Then it closes all guests and releases the module.
func (i *instance) Close(ctx context.Context) error {
	i.close.Do(func() {
		err := i.pool.close(ctx, drainTimeout, i.soft)
		if err == nil {
			i.abandoned.Wait()
		}
		i.http.close()
		if err := errors.Join(err, i.module.Release()); err != nil {
			i.closed = fmt.Errorf("stop plugin: %w", err)
		}
		close(i.done)
	})
	return i.closed
}
