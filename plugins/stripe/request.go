package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
)

// request is one action under way: its params, of which an action takes out
// what is not sent to Stripe as a field.
type request struct {
	*plugin
	params *form.Params
	// ids are the values in the path, by Stripe's names.
	ids              map[string]string
	key              string
	account, context string
	// all says that a list is read page after page.
	all bool
	// under is where Stripe's params are among the caller's, a JSON pointer.
	under string
	// places are those of params that Stripe knows under another name.
	places []place
}

// newRequest reads params and key of a call.
func (p *plugin) newRequest(ctx context.Context, given json.RawMessage) (*request, error) {
	if p.client == nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "stripe is not configured")
	}
	params, err := form.Parse(given)
	if err != nil {
		return nil, invalid(err)
	}
	return &request{plugin: p, params: params, key: sdk.CallFrom(ctx).IdempotencyKey}, nil
}

// options takes what every action has beside Stripe's parameters, and returns
// the time limit, zero if none exists.
func (r *request) options() (timeout time.Duration, err error) {
	if r.account, err = r.takeString("stripeAccount"); err != nil {
		return 0, err
	}
	if r.context, err = r.takeString("stripeContext"); err != nil {
		return 0, err
	}
	r.places = append(r.places, optionPlaces...)
	if r.all, err = takeBool(r.params, "all"); err != nil {
		return 0, err
	}
	text, err := r.takeString("timeout")
	if err != nil || text == "" {
		return 0, err
	}
	timeout, err = time.ParseDuration(text)
	if err != nil || timeout <= 0 {
		return 0, &form.Fault{Pointer: "/timeout", Message: "is not a duration above zero, such as 10s"}
	}
	return timeout, nil
}

// optionPlaces are those of the options that a request or Stripe can refuse.
var optionPlaces = []place{
	{"/stripe_account", "/stripeAccount"}, {"/stripeAccount", "/stripeAccount"}, {"/stripeContext", "/stripeContext"},
}

func (r *request) takeString(name string) (string, error) {
	raw := r.params.Take(name)
	if raw == nil {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil || raw[0] != '"' {
		return "", &form.Fault{Pointer: "/" + name, Message: "is not a string"}
	}
	return text, nil
}

// takeBool takes a param that is false if it is not there.
func takeBool(params *form.Params, name string) (bool, error) {
	switch raw := params.Take(name); string(raw) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, &form.Fault{Pointer: "/" + name, Message: "is neither true nor false"}
}

// run does what is asked for within the time that the caller gives it. Every error is
// an *sdk.Error, with faults in the caller's params.
func (r *request) run(ctx context.Context, timeout time.Duration, do func(context.Context) (sdk.Result, error)) (sdk.Result, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	result, err := do(ctx)
	if err != nil {
		return sdk.Result{}, r.placed(invalid(err))
	}
	return result, nil
}

// perform sends the params that are left to an operation, or reads all pages of the
// list that it returns.
func (r *request) perform(ctx context.Context, operation *openapi.Operation) (sdk.Result, error) {
	if operation.Deprecated() {
		r.warnDeprecated(ctx, operation)
	}
	if r.all {
		return r.readAll(ctx, operation)
	}
	return r.send(ctx, operation, r.params, r.key)
}

// warnDeprecated writes one warning for each operation.
func (p *plugin) warnDeprecated(ctx context.Context, operation *openapi.Operation) {
	if _, warned := p.warned.LoadOrStore(operation.ID(), true); !warned {
		sdk.Logger(ctx).Warn("Stripe has deprecated an operation that is used", "operationId", operation.ID())
	}
}

// invalid makes the error of params that cannot be sent. Another error is
// returned as it is.
func invalid(err error) error {
	var fault *form.Fault
	if !errors.As(err, &fault) {
		return err
	}
	return &sdk.Error{
		Code: sdk.CodeInvalidParams, Outcome: sdk.OutcomeNotExecuted, Message: "stripe: " + fault.Error(),
		Faults: []sdk.Fault{{Pointer: fault.Pointer, Message: fault.Message}},
	}
}

// refused makes the error of params that an operation does not take.
func refused(operation *openapi.Operation, faults []sdk.Fault) error {
	message := fmt.Sprintf("stripe: %s%s: %s", operation.ID(), faults[0].Pointer, faults[0].Message)
	if more := len(faults) - 1; more > 0 {
		message += fmt.Sprintf(" (and %d more)", more)
	}
	return &sdk.Error{Code: sdk.CodeInvalidParams, Outcome: sdk.OutcomeNotExecuted, Message: message, Faults: faults}
}

// failure returns the error of a call to Stripe, nil if err is none.
func failure(err error) *sdk.Error {
	var refused *sdk.Error
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}
