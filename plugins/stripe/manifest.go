package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/plugins/stripe/internal/schema"
	"github.com/backflow/backflow/sdk"
)

// pluginVersion is the plugin's own version.
const pluginVersion = "0.1.0"

// integration returns what is served: the plugin's parts, over p.
func (p *plugin) integration() sdk.Plugin {
	parts := []sdk.Part{
		sdk.Credentials[json.RawMessage]{Schema: credentialsSchema, Configure: p.configure},
		sdk.Webhook{EventTypes: sample.Types(), SecretField: "webhookSecret", Verify: verifyWebhook, Sample: sampleWebhook},
	}
	for _, action := range actions() {
		parts = append(parts, action.part(p))
	}
	return sdk.New(sdk.Info{
		Name:        "stripe",
		Version:     pluginVersion,
		Description: "Payments, customers and subscriptions with Stripe (API version 2023-10-16).",
		Sandbox:     true,
	}, parts...)
}

// spec is what is published of an action. Params go to Stripe and results come
// from there as they are, and their schemas are derived from Stripe's own.
type spec = sdk.Action[json.RawMessage, json.RawMessage]

// action is an action and how it is run.
type action struct {
	spec spec
	run  func(ctx context.Context, request *request) ([]byte, error)
}

// part returns the action of the plugin p.
func (a action) part(p *plugin) sdk.Part {
	params, err := schema.Params(a.spec.Name)
	if err != nil {
		// The schemas are compiled in, and a test asks for each.
		panic(fmt.Sprintf("stripe: %v", err))
	}
	a.spec.ParamsSchema = params
	a.spec.ResultSchema = json.RawMessage(`{"type":"object"}`)
	a.spec.Do = func(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
		return p.run(ctx, a, params)
	}
	return a.spec
}

// sensitive is the member of payment and setup intents with which a browser finishes
// them, without another secret: Stripe asks not to store or log it
// (https://docs.stripe.com/api/payment_intents/object).
// Other objects hold intents where they are expanded.
var sensitive = []string{"client_secret"}

// actions returns the plugin's actions in the order in which users see them.
func actions() []action {
	return []action{
		{spec{
			Name: "createPaymentIntent", Description: "Creates a payment intent.",
			HTTP:   sdk.POST("/payment-intents"),
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime, Sensitive: sensitive,
			Examples:       examples(`{"amount":2000,"currency":"usd","customer":"cus_123"}`),
			ExampleResults: examples(`{"id":"pi_123","client_secret":"pi_123_secret_456","amount":2000,"currency":"usd","status":"requires_payment_method"}`),
		}, createPaymentIntent},
		{spec{
			Name: "createCustomer", Description: "Creates a customer.",
			HTTP:   sdk.POST("/customers"),
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime,
			Examples: examples(`{"email":"customer@example.com","name":"John Doe"}`),
		}, createCustomer},
		{spec{
			Name: "createSubscription", Description: "Subscribes a customer to a price.",
			HTTP:   sdk.POST("/subscriptions"),
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime, Sensitive: sensitive,
			Examples: examples(`{"customer":"cus_123","priceId":"price_456"}`),
		}, createSubscription},
		{spec{
			Name: "getSubscription", Description: "Answers a subscription.",
			HTTP:      sdk.GET("/subscriptions/:subscriptionId"),
			Sensitive: sensitive,
			Examples:  examples(`{"subscriptionId":"sub_789"}`),
		}, getSubscription},
		{spec{
			Name: "cancelSubscription", Description: "Cancels a subscription at the end of its period, or immediately.",
			HTTP: sdk.DELETE("/subscriptions/:subscriptionId"),
			// Stripe honours no key on DELETE; cancelling twice is cancelling.
			Writes: true, Repeat: sdk.RepeatIdempotent, Sensitive: sensitive,
			Examples: examples(`{"subscriptionId":"sub_789","immediately":false}`),
		}, cancelSubscription},
	}
}

func examples(one string) []json.RawMessage { return []json.RawMessage{json.RawMessage(one)} }
