package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// answer is what came of one call.
type callResult struct {
	call   workflow.Call
	result json.RawMessage
	err    *sdk.Error
}

// call makes one attempt at an action. One that panics has failed, and whether
// it took effect is not known.
func (r *run) call(ctx context.Context, call workflow.Call) (a callResult) {
	e := r.engine
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("an action panicked", "run", r.record.ID, "step", call.Path, "panic", p, "stack", string(debug.Stack()))
			a = callResult{call: call, err: &sdk.Error{Code: sdk.CodeInternal, Message: "the call failed inside the gateway", Outcome: sdk.OutcomeUnknown}}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	if !call.Deadline.IsZero() {
		ctx, cancel = context.WithTimeout(ctx, call.Deadline.Sub(e.now()))
		defer cancel()
	}
	found, err := e.actions.Find(call.Integration, call.Action)
	if err != nil {
		return callResult{call: call, err: callError(err)}
	}
	result, err := found.Execute(ctx, sdk.Call{
		Action: call.Action, Params: call.Params, IdempotencyKey: call.Key, RequestID: r.record.RequestID,
	})
	if err != nil {
		return callResult{call: call, err: callError(err)}
	}
	kept, tooLarge := encodeResult(result)
	return callResult{call: call, result: kept, err: tooLarge}
}

// keep is the form in which a result is kept: JSON as it is; other content as
// an object that holds it.
func encodeResult(result sdk.Result) (json.RawMessage, *sdk.Error) {
	body := json.RawMessage(result.Body)
	if result.ContentType != "" {
		wrapped, err := json.Marshal(struct {
			ContentType string `json:"contentType"`
			Base64      []byte `json:"base64"`
		}{result.ContentType, result.Body})
		if err != nil {
			return nil, callError(err)
		}
		body = wrapped
	} else if err := value.Check(body); err != nil {
		return nil, &sdk.Error{Code: sdk.CodeInternal, Outcome: sdk.OutcomeUnknown, Final: true,
			Message: fmt.Sprintf("the integration answered success, but what it answered is not JSON: %v", err)}
	}
	if len(body) > MaxResult {
		return nil, &sdk.Error{Code: sdk.CodeResultTooLarge, Final: true,
			Message: fmt.Sprintf("the effect stands, but its result of %d bytes is more than the %d that are kept", len(body), MaxResult)}
	}
	return body, nil
}
