package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
)

// callSchema describes the params of call and read.
var callSchema = json.RawMessage(`{
"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,
"required":["operationId"],
"properties":{
"operationId":{"description":"The operation, as Stripe's OpenAPI description calls it, such as PostCustomersCustomer.","type":"string","minLength":1,"maxLength":255},
"params":{"description":"What the operation takes: one flat object of the names in its path, its query and its body. describeOperation returns its schema.","type":"object","default":{}},
"stripeAccount":{"description":"The connected account to act for (Stripe-Account header).","type":"string","pattern":"^[A-Za-z0-9_-]+$","maxLength":255},
"stripeContext":{"description":"The account to act for below /v2, or with the key of an organization (Stripe-Context header).","type":"string","pattern":"^[A-Za-z0-9_/-]+$","maxLength":255},
"timeout":{"description":"The longest time to wait for Stripe, such as 10s or 1m30s.","type":"string","pattern":"^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$","maxLength":32},
"all":{"description":"true reads a list page after page, up to 10,000 objects or 16 MiB; its has_more says whether there are more.","type":"boolean","default":false}
}}`)

// call runs the operation of Stripe's API that is named. One that only reads refuses
// those that do not.
func (p *plugin) call(ctx context.Context, given json.RawMessage, reads bool) (sdk.Result, error) {
	request, err := p.newRequest(ctx, given)
	if err != nil {
		return sdk.Result{}, err
	}
	timeout, err := request.options()
	if err != nil {
		return sdk.Result{}, invalid(err)
	}
	id, err := request.takeString("operationId")
	if err != nil {
		return sdk.Result{}, invalid(err)
	}
	operation, err := p.operation(id)
	if err != nil {
		return sdk.Result{}, invalid(err)
	}
	if reads && !operation.Reads() {
		return sdk.Result{}, invalid(&form.Fault{Pointer: "/operationId", Message: id + " writes: it is a " + operation.Method() + ". read is for what reads; call does this one"})
	}
	takes, err := operation.Params()
	if err != nil {
		return sdk.Result{}, invalid(&form.Fault{Pointer: "/operationId", Message: err.Error()})
	}
	if request.all && takes.Paged() == openapi.NotPaged {
		return sdk.Result{}, invalid(&form.Fault{Pointer: "/all", Message: id + " returns no list that has pages"})
	}
	request.under = "/params"
	return request.run(ctx, timeout, func(ctx context.Context) (sdk.Result, error) {
		if err := request.takeParams(operation, takes); err != nil {
			return sdk.Result{}, err
		}
		return request.perform(ctx, operation)
	})
}

// takeParams makes the inner params those of the request, after checking them.
func (r *request) takeParams(operation *openapi.Operation, takes *openapi.Params) error {
	raw := r.params.Take("params")
	if raw == nil {
		raw = json.RawMessage("{}")
	}
	params, unread := form.Parse(raw)
	if unread == nil && takes.Paged() != openapi.NotPaged && takes.Where("all") == openapi.InNothing {
		// It stands beside limit in the named lists, and may do so here.
		all, err := takeBool(params, "all")
		if err != nil {
			return err
		}
		r.all, raw = r.all || all, params.Object()
	}
	if err := checkParams(operation, takes, raw); err != nil {
		return err
	}
	if unread != nil {
		return unread
	}
	r.params, r.ids = params, make(map[string]string)
	names := operation.PathNames()
	for _, name := range names {
		id, err := r.takeString(name)
		if err != nil {
			return err
		}
		r.ids[name] = id
	}
	if len(names) > 0 && takes.Where("id") == openapi.InNothing {
		// Stripe calls the object that is meant just "id".
		r.places = append(r.places, place{"/id", "/params/" + names[len(names)-1]})
	}
	return nil
}

// operation returns the operation of that id. The error is a *form.Fault.
func (p *plugin) operation(id string) (*openapi.Operation, error) {
	description, err := p.description()
	if err != nil {
		return nil, err
	}
	if operation := description.Operation(id); operation != nil {
		return operation, nil
	}
	message := "Stripe's API of version " + description.Version() + " has no operation of this id"
	if hint := description.Hint(id); hint != "" {
		message += "; " + hint
	}
	if isV2(id) && p.given == nil {
		message += "; those of /v2 need a description that has them: name one in credentials.stripe.apiDescription"
	}
	return nil, &form.Fault{Pointer: "/operationId", Message: message}
}

// isV2 reports whether an id looks like that of an operation of /v2.
func isV2(id string) bool {
	for _, prefix := range []string{"GetV2", "PostV2", "DeleteV2"} {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}
