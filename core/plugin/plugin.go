package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// Plugin is one supervised plugin. It is an integration whose calls work while
// an instance is ready and are refused with the reason while none is. It is made
// by a Host and safe for concurrent use.
type Plugin struct {
	spec     Spec
	config   sdk.Config
	launcher Launcher
	logger   *slog.Logger
	timing   Timing

	limit    *limiter
	redactor telemetry.Redactor // knows the secrets in environment and credentials
	manifest atomic.Pointer[sdk.Manifest]
	current  atomic.Pointer[running]

	// settled is closed when the first start has succeeded or failed.
	settled chan struct{}
	settle  sync.Once

	mu     sync.Mutex // guards status
	status status
}

var (
	_ action.Integration     = (*Plugin)(nil)
	_ action.WebhookProvider = (*Plugin)(nil)
)

// running is an instance that has been checked, and configured if it could be.
type running struct {
	instance Instance
	manifest *sdk.Manifest
	actions  map[string]struct{}
	// missing says which credentials the config lacks; empty when configured.
	missing string
}

// status is what Status answers, and what a refused call is told.
type status struct {
	action.Status
	// brief is the reason without the plugin's output, for callers.
	brief string
	// retryAt is when the next start is tried; zero when none is planned.
	retryAt time.Time
}

// Name answers the name in config and paths.
func (p *Plugin) Name() string { return p.spec.Name }

// Manifest answers what the plugin published last, nil before it first did.
func (p *Plugin) Manifest() *sdk.Manifest { return p.manifest.Load() }

// Status says whether calls can be expected to work.
func (p *Plugin) Status() action.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status.Status
}

func (p *Plugin) setStatus(s status) {
	p.mu.Lock()
	p.status = s
	p.mu.Unlock()
}

// Execute runs one action once. It waits for its turn where the plugin has as
// many calls as it may; no call outlasts the plugin's timeout.
func (p *Plugin) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	deadline := p.deadline(ctx)
	switch p.limit.enter(ctx, deadline) {
	case overfull:
		return sdk.Result{}, &sdk.Error{
			Code:       sdk.CodeUnavailable,
			Message:    fmt.Sprintf("plugin %s is overloaded: %d calls run and more than %d wait", p.spec.Name, cap(p.limit.slots), cap(p.limit.slots)*queueFactor),
			Retryable:  true,
			RetryAfter: time.Second,
			Outcome:    sdk.OutcomeNotExecuted,
		}
	case gaveUp:
		return sdk.Result{}, &sdk.Error{
			Code:      sdk.CodeTimeout,
			Message:   fmt.Sprintf("plugin %s had no room for the call in time", p.spec.Name),
			Retryable: true,
			Outcome:   sdk.OutcomeNotExecuted,
		}
	}
	defer p.limit.leave()

	current := p.current.Load()
	if current == nil || current.missing != "" {
		return sdk.Result{}, p.refusal()
	}
	if _, known := current.actions[call.Action]; !known {
		return sdk.Result{}, &sdk.Error{
			Code:    sdk.CodeUnknownAction,
			Message: fmt.Sprintf("plugin %s has no action %q", p.spec.Name, call.Action),
			Outcome: sdk.OutcomeNotExecuted,
		}
	}
	result, err := current.instance.Execute(ctx, deadline, call)
	if err != nil {
		return sdk.Result{}, p.clean(err)
	}
	return checkResult(result)
}

// deadline is the latest end of a call: the caller's or the plugin's own.
func (p *Plugin) deadline(ctx context.Context) time.Time {
	own := time.Now().Add(p.spec.Timeout)
	if callers, ok := ctx.Deadline(); ok && callers.Before(own) {
		return callers
	}
	return own
}

// refusal is the error of a call that cannot be sent.
func (p *Plugin) refusal() *sdk.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &sdk.Error{
		Code:    sdk.CodeUnavailable,
		Message: fmt.Sprintf("plugin %s is %s: %s", p.spec.Name, p.status.State, p.status.brief),
		Outcome: sdk.OutcomeNotExecuted,
		// Only a change of the config gives a plugin its credentials.
		Retryable: p.status.State != action.StateUnconfigured,
	}
	if !p.status.retryAt.IsZero() {
		e.RetryAfter = max(0, p.status.retryAt.Sub(p.timing.Now()))
	}
	return e
}

// checkResult makes sure that what is called JSON is JSON: nobody looks at it
// again before the client.
func checkResult(result sdk.Result) (sdk.Result, error) {
	if result.ContentType != "" {
		return result, nil
	}
	if len(result.Body) == 0 {
		result.Body = []byte("null")
	}
	if !json.Valid(result.Body) {
		return sdk.Result{}, &sdk.Error{
			Code:    sdk.CodeInternal,
			Message: "the plugin answered a result that is not JSON",
			Outcome: sdk.OutcomeUnknown,
		}
	}
	return result, nil
}

// VerifyWebhook has the plugin check a webhook. It also works without
// credentials: the secrets come with the request.
func (p *Plugin) VerifyWebhook(ctx context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, p.spec.Timeout)
	defer cancel()
	current := p.current.Load()
	if current == nil {
		return sdk.WebhookEvent{}, p.refusal()
	}
	event, err := current.instance.VerifyWebhook(ctx, request)
	if err != nil {
		return sdk.WebhookEvent{}, p.cleanWith(err, request.Secrets...)
	}
	return event, nil
}

// SampleWebhook has the plugin make a signed sample event.
func (p *Plugin) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, p.spec.Timeout)
	defer cancel()
	current := p.current.Load()
	if current == nil {
		return sdk.Sample{}, p.refusal()
	}
	sample, err := current.instance.SampleWebhook(ctx, request)
	if err != nil {
		return sdk.Sample{}, p.cleanWith(err, request.Secret)
	}
	return sample, nil
}
