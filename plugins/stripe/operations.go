package main

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/plugins/stripe/internal/permission"
)

// listed is an operation in the list of them.
type listed struct {
	OperationID string `json:"operationId"`
	Method      string `json:"method"`
	Path        string `json:"path"`
	Description string `json:"description"`
	Deprecated  bool   `json:"deprecated,omitempty"`
}

// noParams are the params of an action that takes none.
type noParams struct{}

// operationList is the result of listOperations.
type operationList struct {
	APIVersion string   `json:"apiVersion"`
	Data       []listed `json:"data"`
}

// listOperations returns the operations that call knows. It asks Stripe nothing.
func (p *plugin) listOperations(context.Context, noParams) (operationList, error) {
	description, err := p.description()
	if err != nil {
		return operationList{}, err
	}
	list := operationList{APIVersion: description.Version(), Data: make([]listed, 0, len(description.IDs()))}
	for _, id := range description.IDs() {
		list.Data = append(list.Data, listedOf(description.Operation(id)))
	}
	return list, nil
}

func listedOf(o *openapi.Operation) listed {
	return listed{OperationID: o.ID(), Method: o.Method(), Path: o.Path(), Description: o.Summary(), Deprecated: o.Deprecated()}
}

// operationParams are the params of describeOperation.
type operationParams struct {
	OperationID string `json:"operationId" minLength:"1" maxLength:"255" description:"The operation, as Stripe's OpenAPI description calls it."`
}

// operationDetails is the result of describeOperation.
type operationDetails struct {
	listed
	APIVersion string          `json:"apiVersion"`
	Params     json.RawMessage `json:"params"`
	Paged      bool            `json:"paged"`
	// Permissions are the rights that a restricted key needs.
	Permissions []string `json:"permissions,omitempty"`
}

// describeOperation returns what a caller of call needs to know of an operation. It
// sends Stripe nothing.
func (p *plugin) describeOperation(_ context.Context, given operationParams) (operationDetails, error) {
	operation, err := p.operation(given.OperationID)
	if err != nil {
		return operationDetails{}, invalid(err)
	}
	description, err := p.description()
	if err != nil {
		return operationDetails{}, err
	}
	takes, err := operation.Params()
	if err != nil {
		return operationDetails{}, invalid(&form.Fault{Pointer: "/operationId", Message: err.Error()})
	}
	schema := takes.Schema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	raw, err := json.Marshal(schema)
	if err != nil {
		return operationDetails{}, err
	}
	details := operationDetails{
		listed: listedOf(operation), APIVersion: description.Version(), Params: raw, Paged: takes.Paged() != openapi.NotPaged,
	}
	if right, _ := permission.For(operation.Method(), operation.Path()); right != "" {
		details.Permissions = []string{right}
	}
	return details, nil
}
