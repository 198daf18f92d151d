// Package derive makes the JSON Schemas of the plugin's params out of Stripe's
// OpenAPI description: the form parameters of each operation as they stand
// there, plus the few conveniences that Backflow adds. It runs when code is
// generated and in tests, never in the plugin.
//
// The package imports nothing of the project.
package derive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// version is the API version that the schemas are derived from: the one that
// stripe-go v76 speaks.
const version = "2023-10-16"

const (
	subscriptions = "/v1/subscriptions"
	subscription  = "/v1/subscriptions/{subscription_exposed_id}"
)

// Params returns the schema of each action's params, by action, as indented
// JSON with a final newline. The same description always gives the same bytes.
func Params(description []byte) (map[string][]byte, error) {
	spec, err := parse(description)
	if err != nil {
		return nil, err
	}
	makers := map[string]func(*document) (node, error){
		"createPaymentIntent": createPaymentIntent,
		"createCustomer":      createCustomer,
		"createSubscription":  createSubscription,
		"getSubscription":     getSubscription,
		"cancelSubscription":  cancelSubscription,
	}
	schemas := make(map[string][]byte, len(makers))
	for _, action := range slices.Sorted(maps.Keys(makers)) {
		schema, err := makers[action](spec)
		if err != nil {
			return nil, fmt.Errorf("derive %s: %w", action, err)
		}
		addOptions(schema)
		schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		if err := encoder.Encode(schema); err != nil {
			return nil, fmt.Errorf("derive %s: %w", action, err)
		}
		schemas[action] = out.Bytes()
	}
	return schemas, nil
}

func createPaymentIntent(spec *document) (node, error) {
	schema, err := spec.form("/v1/payment_intents", "post")
	if err != nil {
		return nil, err
	}
	// Stripe says so in prose only, and stripe-mock takes negative amounts.
	amount, ok := properties(schema)["amount"].(node)
	if !ok {
		return nil, fmt.Errorf("no amount")
	}
	amount["minimum"] = 1
	return schema, nil
}

func createCustomer(spec *document) (node, error) {
	return spec.form("/v1/customers", "post")
}

func createSubscription(spec *document) (node, error) {
	schema, err := spec.form(subscriptions, "post")
	if err != nil {
		return nil, err
	}
	properties(schema)["priceId"] = node{
		"description": "The price to subscribe to: short for one item with this price. Exactly one of priceId and items is needed.",
		"type":        "string", "minLength": 1, "maxLength": 5000,
	}
	// Two rules instead of one oneOf, so that the fault has a place.
	schema["anyOf"] = []any{
		node{"required": []any{"priceId"}},
		node{"required": []any{"items"}},
	}
	schema["dependentSchemas"] = node{"priceId": node{"properties": node{"items": false}}}
	return schema, nil
}

func getSubscription(spec *document) (node, error) {
	operation, err := spec.operation(subscription, "get")
	if err != nil {
		return nil, err
	}
	schema := node{"type": "object", "additionalProperties": false, "properties": node{}}
	for _, parameter := range operation.Parameters {
		if parameter.In != "query" {
			continue
		}
		converted, err := convert(parameter.Schema)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", parameter.Name, err)
		}
		if short := shorten(parameter.Description); short != "" {
			converted["description"] = short
		}
		properties(schema)[parameter.Name] = converted
	}
	if err := addMetadata(schema, spec, "Taken as on every action; a read has nothing to attach it to."); err != nil {
		return nil, err
	}
	addSubscriptionID(schema)
	return schema, nil
}

func cancelSubscription(spec *document) (node, error) {
	schema, err := spec.form(subscription, "delete")
	if err != nil {
		return nil, err
	}
	if err := addMetadata(schema, spec, ""); err != nil {
		return nil, err
	}
	addSubscriptionID(schema)
	properties(schema)["immediately"] = node{
		"description": "true ends the subscription now, false at the end of the period that is paid for.",
		"type":        "boolean", "default": false,
	}
	// These two belong to the operation that ends a subscription now; Stripe
	// does not know them on the one that lets it run out.
	schema["if"] = node{"not": node{
		"required":   []any{"immediately"},
		"properties": node{"immediately": node{"const": true}},
	}}
	schema["then"] = node{"properties": node{"invoice_now": false, "prorate": false}}
	return schema, nil
}

// addMetadata copies the metadata parameter of the operation that updates a
// subscription.
func addMetadata(schema node, spec *document, description string) error {
	update, err := spec.form(subscription, "post")
	if err != nil {
		return err
	}
	metadata, ok := properties(update)["metadata"].(node)
	if !ok {
		return fmt.Errorf("no metadata")
	}
	if description != "" {
		metadata["description"] = description
	}
	properties(schema)["metadata"] = metadata
	return nil
}

func addSubscriptionID(schema node) {
	properties(schema)["subscriptionId"] = node{
		"description": "The subscription's id.",
		"type":        "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 255,
	}
	required, _ := schema["required"].([]any)
	schema["required"] = append([]any{"subscriptionId"}, required...)
}

// addOptions adds what every action takes beside Stripe's own parameters.
func addOptions(schema node) {
	properties(schema)["stripeAccount"] = node{
		"description": "The connected account to act for (Stripe-Account header).",
		"type":        "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 255,
	}
	properties(schema)["timeout"] = node{
		"description": "The longest time to wait for Stripe, such as 10s or 1m30s.",
		"type":        "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, "maxLength": 32,
	}
}

func properties(schema node) node {
	found, ok := schema["properties"].(node)
	if !ok {
		found = node{}
		schema["properties"] = found
	}
	return found
}
