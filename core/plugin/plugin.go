package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"mime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// Plugin is one supervised plugin. It is an integration whose calls work while
// an instance is ready and are refused with the reason while none is. It is made
// by a Host and safe for concurrent use.
type Plugin struct {
	name   string
	host   *Host
	logger *slog.Logger
	meter  meter

	redactor telemetry.Redactor // knows the secrets in environment and credentials
	manifest atomic.Pointer[sdk.Manifest]
	current  atomic.Pointer[running]

	// adoptions are instances that a changed config has started; removed is
	// closed when a changed config has no such plugin any more.
	adoptions chan adoption
	removed   chan struct{}

	// settled is closed when the first start has succeeded or failed.
	settled chan struct{}
	settle  sync.Once

	mu     sync.Mutex // guards status
	status status

	summing sync.Mutex // guards what follows: the last file of which a sum was made
	summed  fileState
	sum     string
}

var (
	_ action.Integration     = (*Plugin)(nil)
	_ action.WebhookProvider = (*Plugin)(nil)
)

// status is what Status answers, and what a refused call is told.
type status struct {
	action.Status
	// brief is the reason without the plugin's output, for callers.
	brief string
}

// Name answers the name in config and paths.
func (p *Plugin) Name() string { return p.name }

// Manifest answers what the plugin published last, nil before it first did.
func (p *Plugin) Manifest() *sdk.Manifest { return p.manifest.Load() }

// Status says whether calls can be expected to work.
func (p *Plugin) Status() action.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.status.Status
	now.Restarts = int(p.meter.restarts.Load())
	return now
}

func (p *Plugin) setStatus(s status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Since = p.status.Since; s.State != p.status.State {
		s.Since = p.host.timing.Now().UTC()
	}
	p.status = s
}

// setRejected shows why a replaced file is not in force; "" that it is.
func (p *Plugin) setRejected(reason string) {
	p.mu.Lock()
	p.status.Rejected = reason
	p.mu.Unlock()
}

// Execute runs one action once. It waits for its turn where the plugin has as
// many calls as it may; no call outlasts the plugin's timeout.
func (p *Plugin) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	begun := p.meter.begin()
	result, err := p.execute(ctx, begun, call)
	p.meter.end(begun, err)
	if err != nil {
		return sdk.Result{}, err
	}
	return result, nil
}

func (p *Plugin) execute(ctx context.Context, begun time.Time, call sdk.Call) (sdk.Result, *sdk.Error) {
	r, refusal := p.hold()
	if refusal != nil {
		return sdk.Result{}, refusal
	}
	defer r.release()
	if r.missing != "" {
		return sdk.Result{}, p.refusal(action.StateUnconfigured, r.missing, time.Time{})
	}
	deadline := begun.Add(r.timeout)
	if callers, ok := ctx.Deadline(); ok && callers.Before(deadline) {
		deadline = callers
	}
	switch r.limit.enter(ctx, deadline) {
	case overfull:
		return sdk.Result{}, &sdk.Error{
			Code:       sdk.CodeUnavailable,
			Message:    fmt.Sprintf("plugin %s is overloaded: %d calls run and more than %d wait", p.name, cap(r.limit.slots), cap(r.limit.slots)*queueFactor),
			Retryable:  true,
			RetryAfter: time.Second,
			Outcome:    sdk.OutcomeNotExecuted,
		}
	case gaveUp:
		return sdk.Result{}, &sdk.Error{
			Code:      sdk.CodeTimeout,
			Message:   fmt.Sprintf("plugin %s had no room for the call in time", p.name),
			Retryable: true,
			Outcome:   sdk.OutcomeNotExecuted,
		}
	}
	defer r.limit.leave()
	if _, known := r.actions[call.Action]; !known {
		return sdk.Result{}, &sdk.Error{
			Code:    sdk.CodeUnknownAction,
			Message: fmt.Sprintf("plugin %s has no action %q", p.name, call.Action),
			Outcome: sdk.OutcomeNotExecuted,
		}
	}
	result, err := r.instance.Execute(ctx, deadline, call)
	if err != nil {
		failure := p.clean(err)
		if verdict := r.verdict.Load(); verdict != nil && failure.Code == sdk.CodeUnavailable {
			failure.Message += ": " + *verdict
		}
		return sdk.Result{}, failure
	}
	return checkResult(result)
}

// hold answers the instance that takes calls now, which is not closed before it
// is released, or why there is none.
func (p *Plugin) hold() (*running, *sdk.Error) {
	for {
		r := p.current.Load()
		if r == nil {
			p.mu.Lock()
			now := p.status
			p.mu.Unlock()
			if now.State == action.StateReady || now.State == action.StateUnconfigured {
				continue // one has got ready since the line before
			}
			return nil, p.refusal(now.State, now.brief, now.RetryAt)
		}
		if r.hold() {
			return r, nil
		}
		// It has been replaced since the line before.
	}
}

// refusal is the error of a call that cannot be sent.
func (p *Plugin) refusal(state action.State, reason string, retryAt time.Time) *sdk.Error {
	e := &sdk.Error{
		Code:    sdk.CodeUnavailable,
		Message: fmt.Sprintf("plugin %s is %s: %s", p.name, state, reason),
		Outcome: sdk.OutcomeNotExecuted,
		// Only a change of the config gives a plugin its credentials.
		Retryable: state != action.StateUnconfigured,
	}
	if !retryAt.IsZero() {
		e.RetryAfter = max(0, retryAt.Sub(p.host.timing.Now()))
	}
	return e
}

// checkResult makes sure that what is called JSON is JSON, and that what is called
// otherwise has a type that can be the value of a header: nobody looks at it
// again before the client. It takes what encoding/json takes, whose own check reads
// each byte through a state machine: for a result of 16 KiB that took longer than
// the whole exchange with the plugin.
func checkResult(result sdk.Result) (sdk.Result, *sdk.Error) {
	if result.ContentType != "" {
		if _, _, err := mime.ParseMediaType(result.ContentType); err != nil {
			return sdk.Result{}, &sdk.Error{
				Code:    sdk.CodeInternal,
				Message: "the plugin answered a result of a type that is none, such as image/png is one",
				Outcome: sdk.OutcomeUnknown,
			}
		}
		return result, nil
	}
	if len(result.Body) == 0 {
		result.Body = []byte("null")
	}
	if !jsontext.Value(result.Body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
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
	r, refusal := p.hold()
	if refusal != nil {
		return sdk.WebhookEvent{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	event, err := r.instance.VerifyWebhook(ctx, request)
	if err != nil {
		return sdk.WebhookEvent{}, p.cleanWith(err, request.Secrets...)
	}
	return event, nil
}

// SampleWebhook has the plugin make a signed sample event.
func (p *Plugin) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	r, refusal := p.hold()
	if refusal != nil {
		return sdk.Sample{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	sample, err := r.instance.SampleWebhook(ctx, request)
	if err != nil {
		return sdk.Sample{}, p.cleanWith(err, request.Secret)
	}
	return sample, nil
}
