package mock

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/stripe/stripe-mock/param/coercer"
	"github.com/stripe/stripe-mock/spec"
)

// validator checks the params of an operation.
type validator interface{ Validate(params any) error }

// requestSchema is the schema of an operation's params beside those in the path,
// found as stripe-mock finds it.
func requestSchema(method string, o *spec.Operation) *spec.Schema {
	if method == http.MethodGet {
		return spec.BuildQuerySchema(o)
	}
	if o.RequestBody != nil {
		for _, media := range o.RequestBody.Content {
			if media.Schema != nil {
				return media.Schema
			}
		}
	}
	return &spec.Schema{Type: spec.TypeObject}
}

func newValidator(o *Operation, components *spec.ComponentsForValidation) (validator, error) {
	if o.Method == http.MethodGet {
		components = nil
	}
	made, err := spec.GetValidatorForOpenAPI3Schema(o.schema, components)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Fault is what is wrong with the params of a request.
type Fault struct {
	// Code is Stripe's code of the fault, empty where only stripe-mock's own
	// check found it.
	Code string
	// Param is the param at fault, if one is known.
	Param   string
	Message string
}

// Check turns the texts of a form into the types of the operation's params, in
// place, and returns what is wrong with them, nil if nothing is. Unknown and missing
// params are found in Stripe's words, all else by stripe-mock's validator.
func (o *Operation) Check(params map[string]any) *Fault {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if o.schema.Properties[name] == nil {
			return &Fault{Code: "parameter_unknown", Param: name, Message: "Received unknown parameter: " + name}
		}
	}
	for _, name := range o.schema.Required {
		if value, ok := params[name]; !ok || value == "" {
			return &Fault{Code: "parameter_missing", Param: name, Message: "Missing required param: " + name + "."}
		}
	}
	if err := coercer.CoerceParams(o.schema, params); err != nil {
		return &Fault{Message: fmt.Sprintf("Request coercion error: %v", err)}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if text, ok := params[name].(string); ok && o.schema.Properties[name].Type == spec.TypeInteger {
			return &Fault{Code: "parameter_invalid_integer", Param: name, Message: "Invalid integer: " + text}
		}
	}
	check, err := o.validator()
	if err == nil {
		err = check.Validate(params)
	}
	if err != nil {
		return &Fault{Message: fmt.Sprintf("Request validation error: %v", err)}
	}
	return nil
}
