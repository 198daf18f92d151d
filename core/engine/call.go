package engine

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// call makes one attempt at an action. After a panic the call has failed with an
// unknown outcome.
func (r *execution) call(ctx context.Context, call workflow.Call) (c callResult) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("an action panicked", "run", r.record.ID, "step", call.Path, "panic", p, "stack", string(debug.Stack()))
			c = callResult{call: call, err: &sdk.Error{Code: sdk.CodeInternal, Message: "the call failed inside the gateway", Outcome: sdk.OutcomeUnknown}}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if !call.Deadline.IsZero() {
		ctx, cancel = context.WithTimeout(ctx, call.Deadline.Sub(r.now()))
		defer cancel()
	}
	found, err := r.actions.Find(call.Integration, call.Action)
	if err != nil {
		return callResult{call: call, err: callError(err)}
	}
	// The document is the call's own: the value of the run's would stay in memory
	// as long as the call lasts.
	params := value.TrustedDoc(call.Params.Raw())
	if err := found.CheckMade(call.Source, params); err != nil {
		return callResult{call: call, err: callError(err)}
	}
	result, err := found.Execute(ctx, action.Call{
		Params: params, IdempotencyKey: call.Key, RequestID: r.record.RequestID,
	})
	if err != nil {
		return callResult{call: call, err: workflow.ConcealError(callError(err), found.Spec().Sensitive)}
	}
	encoded, refused := encodeResult(result)
	spec := found.Spec()
	return callResult{call: call, result: encoded, sensitive: spec.Sensitive, reads: spec.Writes && !found.For(params).Writes, err: refused}
}

// encodeResult returns a result in its stored form: JSON as it is, other content
// as an object that holds it.
func encodeResult(result sdk.Result) (value.Doc, *sdk.Error) {
	var body value.Doc
	if result.ContentType != "" {
		wrapped, err := json.Marshal(struct {
			ContentType string `json:"contentType"`
			Base64      []byte `json:"base64"`
		}{result.ContentType, result.Body})
		if err != nil {
			return value.Doc{}, callError(err)
		}
		body = value.TrustedDoc(wrapped)
	} else if checked, err := value.NewDoc(result.Body); err == nil {
		body = checked
	} else {
		return value.Doc{}, sdk.Executed(sdk.CodeInternal, "the integration answered success, but what it answered is not JSON: %v", err)
	}
	if size := len(body.Raw()); size > MaxResult {
		return value.Doc{}, sdk.Executed(sdk.CodeResultTooLarge, "the effect stands, but its result of %d bytes is more than the %d that are kept", size, MaxResult)
	}
	return body, nil
}

// callError makes sure that the error of a call is an *sdk.Error.
func callError(err error) *sdk.Error {
	var e *sdk.Error
	if errors.As(err, &e) {
		return e
	}
	return &sdk.Error{Code: sdk.CodeInternal, Message: err.Error(), Outcome: sdk.OutcomeUnknown}
}
