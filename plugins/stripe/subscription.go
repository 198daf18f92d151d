package main

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// createSubscription writes priceId as the one item that it is short for.
func createSubscription(ctx context.Context, request *request, action *named) (sdk.Result, error) {
	if price := request.params.Take("priceId"); price != nil {
		request.params.Set("items", json.RawMessage(`[{"price":`+string(price)+`}]`))
		request.standsFor("priceId", "items") // the caller wrote none
	}
	return request.act(ctx, action)
}

// The actions by which cancelSubscription lets one run out, and looks at it.
const (
	updateSubscription = "updateSubscription"
	getSubscription    = "getSubscription"
)

// cancelSubscription ends a subscription now, or at the end of its period.
func cancelSubscription(ctx context.Context, request *request, action *named) (sdk.Result, error) {
	immediately, err := takeBool(request.params, "immediately")
	if err != nil {
		return sdk.Result{}, err
	}
	expand := request.params.Get("expand")
	var result sdk.Result
	if immediately {
		result, err = request.act(ctx, action)
	} else {
		request.params.Set("cancel_at_period_end", json.RawMessage("true"))
		request.standsFor("immediately", "cancel_at_period_end")
		result, err = request.sendNamed(ctx, namedActions()[updateSubscription])
	}
	if refused := failure(err); refused != nil && (refused.Code == sdk.CodeNotFound || refused.Code == sdk.CodeRejected) {
		return alreadyCancelled(ctx, request, expand, refused)
	}
	return result, err
}

// alreadyCancelled returns the subscription if it is cancelled, which is what
// was asked for: Stripe refuses to cancel it a second time, and the first may
// have been an attempt whose response was lost. If it is not, the refusal
// stands.
func alreadyCancelled(ctx context.Context, request *request, expand json.RawMessage, refused *sdk.Error) (sdk.Result, error) {
	params := &form.Params{}
	if expand != nil {
		params.Set("expand", expand)
	}
	result, err := request.send(ctx, namedActions()[getSubscription].operation, params, "")
	if unread := failure(err); unread != nil {
		if unread.Retryable {
			// Whether it is cancelled is not known yet.
			unread.Outcome = sdk.OutcomeUnknown
			return sdk.Result{}, unread
		}
		return sdk.Result{}, refused
	}
	if err != nil {
		return sdk.Result{}, err
	}
	var found struct{ Status string }
	if err := json.Unmarshal(result.Body, &found); err != nil || found.Status != "canceled" {
		return sdk.Result{}, refused
	}
	return result, nil
}
