package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// createSubscription writes priceId as the one item that it is short for.
func createSubscription(ctx context.Context, request *request) ([]byte, error) {
	if price := request.params.Take("priceId"); price != nil {
		request.params.Set("items", json.RawMessage(`[{"price":`+string(price)+`}]`))
		request.standsFor("priceId", "items") // the caller wrote none
	}
	return request.send(ctx, http.MethodPost, "/v1/subscriptions")
}

func getSubscription(ctx context.Context, request *request) ([]byte, error) {
	path, err := request.takeID("subscriptions", "subscriptionId", "subscription_exposed_id")
	if err != nil {
		return nil, err
	}
	// Taken as on every action; a read attaches nothing.
	request.params.Take("metadata")
	return request.send(ctx, http.MethodGet, path)
}

// cancelSubscription ends a subscription now, or at the end of its period.
func cancelSubscription(ctx context.Context, request *request) ([]byte, error) {
	path, err := request.takeID("subscriptions", "subscriptionId", "subscription_exposed_id")
	if err != nil {
		return nil, err
	}
	immediately := false
	if raw := request.params.Take("immediately"); raw != nil {
		if err := json.Unmarshal(raw, &immediately); err != nil || string(raw) == "null" {
			return nil, &form.Fault{Pointer: "/immediately", Message: "is neither true nor false"}
		}
	}
	var body []byte
	if immediately {
		body, err = cancelNow(ctx, request, path)
	} else {
		request.params.Set("cancel_at_period_end", json.RawMessage("true"))
		request.standsFor("immediately", "cancel_at_period_end")
		body, err = request.send(ctx, http.MethodPost, path)
	}
	if refused := failure(err); refused != nil && (refused.Code == sdk.CodeNotFound || refused.Code == sdk.CodeRejected) {
		return alreadyCancelled(ctx, request, path, refused)
	}
	return body, err
}

// cancelNow deletes the subscription. Metadata, which Stripe's DELETE does not
// take, is written before; both steps may be repeated.
func cancelNow(ctx context.Context, request *request, path string) ([]byte, error) {
	metadata := request.params.Take("metadata")
	if metadata == nil {
		return request.send(ctx, http.MethodDelete, path)
	}
	update := &form.Params{}
	update.Set("metadata", metadata)
	fields, err := update.Encode()
	if err != nil {
		return nil, err
	}
	if _, err := request.sendFields(ctx, http.MethodPost, path, metadataKey(request.key), fields); err != nil {
		return nil, err
	}
	body, err := request.send(ctx, http.MethodDelete, path)
	if refused := failure(err); refused != nil {
		// The metadata is written, so not nothing was done.
		refused.Outcome = sdk.OutcomeUnknown
	}
	return body, err
}

// metadataKey is the idempotency key of the first of cancelNow's two requests.
// Stripe takes a key for one request only.
func metadataKey(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("metadata\x00" + key))
	return hex.EncodeToString(sum[:])
}

// alreadyCancelled returns the subscription if it is cancelled, which is what
// was asked for: Stripe refuses to cancel it a second time, and the first may
// have been an attempt whose response was lost. If it is not, the refusal
// stands.
func alreadyCancelled(ctx context.Context, request *request, path string, refused *sdk.Error) ([]byte, error) {
	expand, err := request.expansions()
	if err != nil {
		return nil, err
	}
	body, err := request.sendFields(ctx, http.MethodGet, path, "", expand)
	if unread := failure(err); unread != nil {
		if unread.Retryable {
			// Whether it is cancelled is not known yet.
			unread.Outcome = sdk.OutcomeUnknown
			return nil, unread
		}
		return nil, refused
	}
	var found struct{ Status string }
	if err := json.Unmarshal(body, &found); err != nil || found.Status != "canceled" {
		return nil, refused
	}
	return body, nil
}
