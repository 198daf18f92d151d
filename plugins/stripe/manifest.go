package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog"
	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/sdk"
)

// pluginVersion is the plugin's own version.
const pluginVersion = "0.1.0"

// integration returns what is served: the plugin's parts, over p.
func (p *plugin) integration() sdk.Plugin {
	parts := []sdk.Part{
		sdk.Credentials[json.RawMessage]{Schema: credentialsSchema, Configure: p.configure, NotInDev: notInDev},
		sdk.Webhook{
			EventTypes: sample.Types(), SecretField: "webhookSecret", FetchAction: fetchAction,
			Verify: p.verifyAndFlag, Sample: sampleWebhook, List: p.list, Sync: p.syncEndpoint,
		},
		sdk.Sandbox{Do: p.control},
	}
	for _, action := range catalog.Actions() {
		parts = append(parts, p.named(namedActions()[action.Name]))
	}
	parts = append(parts, p.generic()...)
	return sdk.New(sdk.Info{
		Name:        "stripe",
		Version:     pluginVersion,
		Description: "Payments, subscriptions and all else of Stripe's API (version 2023-10-16, or a newer one that the config describes).",
		Sandbox:     true,
	}, parts...)
}

// sensitive is the member of payment and setup intents and of Checkout sessions with
// which a browser finishes them, without another secret: Stripe asks not to store or
// log it (https://docs.stripe.com/api/payment_intents/object). Other objects hold
// them where they are expanded.
var sensitive = []string{"client_secret"}

// sensitiveOfAll are the members that any operation may return and that runs do not
// keep: client secrets, secrets that are shown once (of webhook endpoints, ephemeral
// keys, apps), and the numbers of issued cards.
var sensitiveOfAll = []string{"client_secret", "secret", "payload", "number", "cvc"}

// objectSchema describes the objects that Stripe returns, as far as they are alike.
var objectSchema = json.RawMessage(`{"type":"object"}`)

// named returns a named action as a part. Params go to Stripe and results come from
// there as they are, and their schemas are derived from Stripe's own.
func (p *plugin) named(action *named) sdk.Part {
	part := sdk.Action[json.RawMessage, json.RawMessage]{
		Name: action.Name, Description: action.Text,
		HTTP:        &sdk.HTTPBinding{Method: action.Method, Path: action.Binding},
		Sensitive:   append(slices.Clone(sensitive), action.Sensitive...),
		Permissions: action.Rights,
		Examples:    []json.RawMessage{action.Example},

		ParamsSchema: action.Params, ResultSchema: objectSchema,
		Do: func(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
			return p.do(ctx, action, params)
		},
	}
	if action.Name == "createPaymentIntent" {
		part.ExampleResults = []json.RawMessage{json.RawMessage(`{"id":"pi_123","client_secret":"pi_123_secret_456","amount":2000,"currency":"usd","status":"requires_payment_method"}`)}
	}
	part.Repeat = action.Repeat()
	part.Writes = part.Repeat != ""
	if part.Repeat == sdk.RepeatNative {
		part.KeyLifetime = keyLifetime
	}
	return part
}

// generic returns the actions that are about any operation.
func (p *plugin) generic() []sdk.Part {
	return []sdk.Part{
		sdk.Action[json.RawMessage, sdk.Result]{
			Name: "call", Description: "Calls any operation of Stripe's API.", HTTP: sdk.POST("/call"),
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetime, ByName: true, Variants: callVariants(),
			Sensitive: sensitiveOfAll, ParamsSchema: callSchema,
			Examples: []json.RawMessage{json.RawMessage(`{"operationId":"PostCustomersCustomer","params":{"customer":"cus_123","name":"Jane Doe"}}`)},
			Do: func(ctx context.Context, params json.RawMessage) (sdk.Result, error) {
				return p.call(ctx, params, false)
			},
		},
		sdk.Action[json.RawMessage, sdk.Result]{
			Name: "read", Description: "Calls any operation of Stripe's API that only reads.", HTTP: sdk.POST("/read"), Variants: readVariants(),
			Sensitive: sensitiveOfAll, ParamsSchema: callSchema,
			Examples: []json.RawMessage{json.RawMessage(`{"operationId":"GetCustomersCustomer","params":{"customer":"cus_123"}}`)},
			Do: func(ctx context.Context, params json.RawMessage) (sdk.Result, error) {
				return p.call(ctx, params, true)
			},
		},
		sdk.Action[json.RawMessage, json.RawMessage]{
			Name: fetchAction, Description: "Reads what an event is about, as it is now.", HTTP: sdk.POST("/fetch-event-object"),
			Variants:  fetchVariants(),
			Sensitive: sensitiveOfAll, ParamsSchema: fetchSchema, ResultSchema: json.RawMessage(`{"type":["object","null"]}`),
			Examples: []json.RawMessage{json.RawMessage(`{"event":{"object":"event","type":"customer.updated","data":{"object":{"id":"cus_123","object":"customer"}}}}`)},
			Do:       p.fetchObject,
		},
		sdk.Action[noParams, operationList]{
			Name: "listOperations", Description: "Lists the operations that call and read know.", HTTP: sdk.GET("/operations"),
			Examples: []noParams{{}}, Do: p.listOperations,
		},
		sdk.Action[operationParams, operationDetails]{
			Name: "describeOperation", Description: "Describes an operation and the params that it takes.", HTTP: sdk.GET("/operations/:operationId"),
			Examples: []operationParams{{OperationID: "PostCustomersCustomer"}}, Do: p.describeOperation,
		},
	}
}

// callVariants say how a repeat of each operation is treated, and which right of a
// restricted key it needs. That an operationId says what its operation does, package
// openapi sees to.
func callVariants() []sdk.Variant {
	variants := append(readVariants(), sdk.Variant{Param: operationID, Pattern: "Get.*"})
	for _, group := range catalog.Groups() {
		variant := rightOf(group)
		switch group.Method {
		case http.MethodPost:
			variant.Writes, variant.Repeat, variant.KeyLifetime = true, sdk.RepeatNative, keyLifetime
		case http.MethodDelete:
			variant.Writes, variant.Repeat = true, sdk.RepeatIdempotent
		default:
			continue
		}
		variants = append(variants, variant)
	}
	return append(variants,
		sdk.Variant{Param: operationID, Pattern: "(Post|Delete)V2.*", Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: keyLifetimeV2},
		sdk.Variant{Param: operationID, Pattern: "Delete.*", Writes: true, Repeat: sdk.RepeatIdempotent},
	)
}

// readVariants say which right each operation needs that reads.
func readVariants() (variants []sdk.Variant) {
	for _, group := range catalog.Groups() {
		if group.Method == http.MethodGet {
			variants = append(variants, rightOf(group))
		}
	}
	return variants
}

// operationID is the param that tells operations apart.
const operationID = "operationId"

func rightOf(group catalog.Group) sdk.Variant {
	return sdk.Variant{Param: operationID, Pattern: strings.Join(group.Operations, "|"), Permissions: []string{group.Right}}
}
