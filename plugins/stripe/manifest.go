package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/plugins/stripe/internal/schema"
	"github.com/backflow/backflow/sdk"
)

// pluginVersion is the plugin's own version.
const pluginVersion = "0.1.0"

// action is an action and how it is done.
type action struct {
	sdk.ActionSpec
	run func(ctx context.Context, request *request) ([]byte, error)
}

// Manifest answers what the plugin is.
func (p *plugin) Manifest() sdk.Manifest {
	manifest := sdk.Manifest{
		Name:        "stripe",
		Version:     pluginVersion,
		Description: "Payments, customers and subscriptions with Stripe (API version 2023-10-16).",
		Credentials: credentialsSchema,
		Webhook:     &sdk.WebhookCapability{EventTypes: sample.Types(), SecretField: "webhookSecret"},
		Sandbox:     true,
	}
	for _, action := range p.actions {
		manifest.Actions = append(manifest.Actions, action.ActionSpec)
	}
	return manifest
}

// actions answers the plugin's actions in the order in which users see them.
func actions() []action {
	list := []action{
		{sdk.ActionSpec{
			Name: "createPaymentIntent", Description: "Creates a payment intent.",
			HTTP:   &sdk.HTTPBinding{Method: http.MethodPost, Path: "/payment-intents"},
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime,
			Examples: []sdk.Example{{
				Params: json.RawMessage(`{"amount":2000,"currency":"usd","customer":"cus_123"}`),
				Result: json.RawMessage(`{"id":"pi_123","client_secret":"pi_123_secret_456","amount":2000,"currency":"usd","status":"requires_payment_method"}`),
			}},
		}, createPaymentIntent},
		{sdk.ActionSpec{
			Name: "createCustomer", Description: "Creates a customer.",
			HTTP:   &sdk.HTTPBinding{Method: http.MethodPost, Path: "/customers"},
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime,
			Examples: []sdk.Example{{Params: json.RawMessage(`{"email":"customer@example.com","name":"John Doe"}`)}},
		}, createCustomer},
		{sdk.ActionSpec{
			Name: "createSubscription", Description: "Subscribes a customer to a price.",
			HTTP:   &sdk.HTTPBinding{Method: http.MethodPost, Path: "/subscriptions"},
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime,
			Examples: []sdk.Example{{Params: json.RawMessage(`{"customer":"cus_123","priceId":"price_456"}`)}},
		}, createSubscription},
		{sdk.ActionSpec{
			Name: "getSubscription", Description: "Answers a subscription.",
			HTTP:     &sdk.HTTPBinding{Method: http.MethodGet, Path: "/subscriptions/:subscriptionId"},
			Examples: []sdk.Example{{Params: json.RawMessage(`{"subscriptionId":"sub_789"}`)}},
		}, getSubscription},
		{sdk.ActionSpec{
			Name: "cancelSubscription", Description: "Cancels a subscription at the end of its period, or immediately.",
			HTTP: &sdk.HTTPBinding{Method: http.MethodDelete, Path: "/subscriptions/:subscriptionId"},
			// Stripe honours no key on DELETE; cancelling twice is cancelling.
			Writes: true, Repeat: sdk.RepeatIdempotent,
			Examples: []sdk.Example{{Params: json.RawMessage(`{"subscriptionId":"sub_789","immediately":false}`)}},
		}, cancelSubscription},
	}
	for i := range list {
		params, err := schema.Params(list[i].Name)
		if err != nil {
			// The schemas are compiled in, and a test asks for each.
			panic(fmt.Sprintf("stripe: %v", err))
		}
		list[i].Params = params
		list[i].Result = json.RawMessage(`{"type":"object"}`)
	}
	return list
}
