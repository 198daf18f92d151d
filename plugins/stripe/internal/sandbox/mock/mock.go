// Package mock is Stripe's own stripe-mock in this process: which operation a
// request is, whether its params are those of Stripe's description, what objects
// of each type look like, and a stateless response to every operation.
//
// The package imports nothing of the project.
package mock

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// Mock is stripe-mock. It is safe for concurrent use.
type Mock struct {
	handler    http.Handler
	version    string
	routes     *node
	operations map[string]*Operation
	schemas    map[string]*spec.Schema
	fixtures   map[string]json.RawMessage
}

// Operation is one operation of the API.
type Operation struct {
	// ID is Stripe's operationId, such as "PostCustomers".
	ID     string
	Method string
	// Path is as in the description: "/v1/customers/{customer}".
	Path string
	// names are those of the path's params, in order.
	names []string

	schema    *spec.Schema
	validator func() (validator, error)
}

// Subject is the name of the last param in the path, which is the object that the
// operation is about; empty where the path has none.
func (o *Operation) Subject() string {
	if len(o.names) == 0 {
		return ""
	}
	return o.names[len(o.names)-1]
}

// Load reads the description and the fixtures that stripe-mock holds, which takes
// a few tenths of a second.
func Load() (*Mock, error) {
	described, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	const strictVersionCheck, verbose = true, false
	stub, err := server.NewStubServer(fixtures, described, strictVersionCheck, verbose)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	m := &Mock{
		handler: http.HandlerFunc(stub.HandleRequest), version: described.Info.Version,
		routes: &node{}, operations: map[string]*Operation{},
		schemas: described.Components.Schemas, fixtures: map[string]json.RawMessage{},
	}
	for id, fixture := range fixtures.Resources {
		if m.fixtures[string(id)], err = json.Marshal(fixture); err != nil {
			return nil, fmt.Errorf("sandbox: fixture %s: %w", id, err)
		}
	}
	if err := m.index(described); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return m, nil
}

// index finds the ids of the operations, which stripe-mock does not keep.
func (m *Mock) index(described *spec.Spec) error {
	var file struct {
		Paths map[spec.Path]map[spec.HTTPVerb]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &file); err != nil {
		return err
	}
	components := spec.GetComponentsForValidation(&described.Components)
	for path, methods := range file.Paths {
		for method, named := range methods {
			operation := newOperation(named.OperationID, string(method), string(path))
			of := described.Paths[path][method]
			operation.schema = requestSchema(operation.Method, of)
			operation.validator = sync.OnceValues(func() (validator, error) {
				return newValidator(operation, components)
			})
			m.operations[operation.ID] = operation
			m.routes.add(operation)
		}
	}
	return nil
}

// Version is the API version of the description.
func (m *Mock) Version() string { return m.version }

// Operation returns the operation with an id, nil if there is none.
func (m *Mock) Operation(id string) *Operation { return m.operations[id] }

// IDs returns the ids of all operations, sorted.
func (m *Mock) IDs() []string { return slices.Sorted(maps.Keys(m.operations)) }

// ServeHTTP responds as stripe-mock does: an object of the right shape, and
// nothing is kept.
func (m *Mock) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }
