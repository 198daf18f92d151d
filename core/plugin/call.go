package plugin

import (
	"context"
	"fmt"
	"mime"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// Execute runs one action once. If the plugin has as many calls as it may, the call
// waits for its turn. No call outlasts the plugin's timeout.
func (p *Plugin) Execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	begun := p.calls.Begin()
	result, err := p.execute(ctx, begun, call)
	if err != nil {
		p.calls.End(begun, err)
		return sdk.Result{}, err
	}
	p.calls.End(begun, nil)
	return result, nil
}

func (p *Plugin) execute(ctx context.Context, begun time.Time, call action.Call) (sdk.Result, *sdk.Error) {
	r, refusal := p.acquire()
	if refusal != nil {
		return sdk.Result{}, refusal
	}
	defer r.release()
	if r.missingCredentials != "" {
		return sdk.Result{}, p.unavailable(action.StateUnconfigured, r.missingCredentials, time.Time{})
	}
	deadline := begun.Add(r.timeout)
	if callerDeadline, ok := ctx.Deadline(); ok && callerDeadline.Before(deadline) {
		deadline = callerDeadline
	}
	switch r.limiter.acquire(ctx, deadline) {
	case queueFull:
		return sdk.Result{}, &sdk.Error{
			Code:       sdk.CodeUnavailable,
			Message:    fmt.Sprintf("plugin %s is overloaded: %d calls run and more than %d wait", p.name, cap(r.limiter.slots), cap(r.limiter.slots)*queueFactor),
			Retryable:  true,
			RetryAfter: time.Second,
			Outcome:    sdk.OutcomeNotExecuted,
		}
	case timedOut:
		return sdk.Result{}, &sdk.Error{
			Code:      sdk.CodeTimeout,
			Message:   fmt.Sprintf("plugin %s had no room for the call in time", p.name),
			Retryable: true,
			Outcome:   sdk.OutcomeNotExecuted,
		}
	}
	defer r.limiter.release()
	if _, known := r.actions[call.Action]; !known {
		return sdk.Result{}, &sdk.Error{
			Code:    sdk.CodeUnknownAction,
			Message: fmt.Sprintf("plugin %s has no action %q", p.name, call.Action),
			Outcome: sdk.OutcomeNotExecuted,
		}
	}
	hide := p.redactor.Sparing(call.Params.Raw(), []byte(call.RequestID))
	result, err := r.instance.Execute(ctx, deadline, call.SDK())
	if err != nil {
		failure := sanitize(err, hide)
		if reason := r.killReason.Load(); reason != nil && failure.Code == sdk.CodeUnavailable {
			failure.Message += ": " + *reason
		}
		return sdk.Result{}, failure
	}
	result, failure := checkResult(result)
	if failure == nil {
		result.Body = hide.Result(result.Body, result.ContentType == "")
		result.ContentType = string(hide.Result([]byte(result.ContentType), false)) // "***" is valid in one, wherever it stands
	}
	return result, failure
}

// acquire returns the instance that takes calls now, or the reason why there is
// none. The instance is not closed before the caller releases it.
func (p *Plugin) acquire() (*running, *sdk.Error) {
	for {
		r := p.current.Load()
		if r == nil {
			p.mu.Lock()
			now := p.status
			p.mu.Unlock()
			if now.State == action.StateReady || now.State == action.StateUnconfigured {
				continue // one has become ready since the line before
			}
			return nil, p.unavailable(now.State, now.summary, now.RetryAt)
		}
		if r.acquire() {
			return r, nil
		}
		// It has been replaced since the line before.
	}
}

// unavailable is the error of a call that cannot be sent.
func (p *Plugin) unavailable(state action.State, reason string, retryAt time.Time) *sdk.Error {
	e := &sdk.Error{
		Code:    sdk.CodeUnavailable,
		Message: fmt.Sprintf("plugin %s is %s: %s", p.name, state, reason),
		Outcome: sdk.OutcomeNotExecuted,
		// Only a change of the config gives a plugin its credentials.
		Retryable: state != action.StateUnconfigured,
	}
	if !retryAt.IsZero() {
		e.RetryAfter = max(0, retryAt.Sub(p.env.timing.Now()))
	}
	return e
}

// checkResult makes sure that a result is JSON, or has a content type that can be
// the value of a header: nothing checks it again before the client. The plugin said
// that the call succeeded, so the effect of one that is neither stands. It accepts what
// encoding/json accepts. The check of encoding/json itself reads each byte through a
// state machine, which took longer for a result of 16 KiB than the whole call of the
// plugin.
func checkResult(result sdk.Result) (sdk.Result, *sdk.Error) {
	if result.ContentType != "" {
		if _, _, err := mime.ParseMediaType(result.ContentType); err != nil {
			return sdk.Result{}, sdk.Executed(sdk.CodeInternal, "the plugin returned a result whose content type is not valid (one that is: image/png)")
		}
		return result, nil
	}
	if len(result.Body) == 0 {
		result.Body = []byte("null")
	}
	if !jsontext.Value(result.Body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return sdk.Result{}, sdk.Executed(sdk.CodeInternal, "the plugin answered a result that is not JSON")
	}
	return result, nil
}
