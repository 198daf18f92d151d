// Package shapetest holds objects to Stripe's description in tests: whether they
// have the members, and the types, that the schema of their resource gives.
//
// The package imports nothing of the project.
package shapetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stripe/stripe-mock/embedded"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// document is Stripe's description, as JSON.
var document = sync.OnceValues(func() (map[string]any, error) {
	var whole map[string]any
	err := json.Unmarshal(embedded.OpenAPISpec, &whole)
	return whole, err
})

// components are the schemas of the description in JSON Schema's own dialect: null
// is a type there, and an object has the members that are listed and no others.
var components = sync.OnceValues(func() (map[string]any, error) {
	whole, err := document()
	if err != nil {
		return nil, err
	}
	schemas, _ := whole["components"].(map[string]any)["schemas"].(map[string]any)
	converted := make(map[string]any, len(schemas))
	for name, s := range schemas {
		converted[name] = convert(s)
	}
	return converted, nil
})

// convert turns a schema of OpenAPI 3.0 into one of JSON Schema.
func convert(raw any) any {
	in, ok := raw.(map[string]any)
	if !ok {
		return raw
	}
	out := map[string]any{}
	for keyword, value := range in {
		switch keyword {
		case "type", "required", "enum", "pattern":
			out[keyword] = value
		case "$ref":
			out[keyword] = strings.Replace(value.(string), "#/components/schemas/", "#/$defs/", 1)
		case "items", "additionalProperties":
			out[keyword] = convert(value)
		case "anyOf":
			var branches []any
			for _, branch := range value.([]any) {
				branches = append(branches, convert(branch))
			}
			out[keyword] = branches
		case "properties":
			members := map[string]any{}
			for name, member := range value.(map[string]any) {
				members[name] = convert(member)
			}
			out[keyword] = members
		}
	}
	if _, open := out["additionalProperties"]; !open && out["properties"] != nil {
		out["additionalProperties"] = false
	}
	if in["nullable"] == true {
		return map[string]any{"anyOf": []any{out, map[string]any{"type": "null"}}}
	}
	return out
}

// responses are the schemas of what operations respond with where they succeed, by
// operationId, in JSON Schema's dialect.
var responses = sync.OnceValues(func() (map[string]any, error) {
	var file struct {
		Paths map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct {
				Content map[string]struct{ Schema any }
			}
		}
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &file); err != nil {
		return nil, err
	}
	all := map[string]any{}
	for _, methods := range file.Paths {
		for _, operation := range methods {
			for media, content := range operation.Responses["200"].Content {
				if media == "application/json" {
					all[operation.OperationID] = convert(content.Schema)
				}
			}
		}
	}
	return all, nil
})

// compiler compiles schemas that refer to the components, each of them once.
type compiler struct {
	mutex sync.Mutex
	*jsonschema.Compiler
}

// shared is the compiler of all tests of a process.
var shared = sync.OnceValues(func() (*compiler, error) {
	defs, err := components()
	if err != nil {
		return nil, err
	}
	success, err := responses()
	if err != nil {
		return nil, err
	}
	c := &compiler{Compiler: jsonschema.NewCompiler()}
	return c, c.AddResource(base, map[string]any{"$defs": defs, "responses": success})
})

// base is what the schemas are below.
const base = "https://stripe.com/description.json"

// Resource returns what is wrong with an object of a resource, such as "charge" or
// "checkout.session"; nothing if it is as the description has it.
func Resource(t testing.TB, resource string, object []byte) []string {
	t.Helper()
	whole, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range whole["components"].(map[string]any)["schemas"].(map[string]any) {
		if id := s.(map[string]any)["x-resourceId"]; id == resource || id == nil && name == resource {
			return check(t, "#/$defs/"+name, object)
		}
	}
	return []string{fmt.Sprintf("Stripe's description has no object %q", resource)}
}

// Response returns what is wrong with the body of a successful response of an
// operation; nothing if it is as the description has it.
func Response(t testing.TB, operationID string, body []byte) []string {
	t.Helper()
	all, err := responses()
	if err != nil {
		t.Fatal(err)
	}
	if all[operationID] == nil {
		return []string{fmt.Sprintf("Stripe's description has no response of %q", operationID)}
	}
	return check(t, "#/responses/"+operationID, body)
}

func check(t testing.TB, pointer string, object []byte) []string {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	c.mutex.Lock()
	s, err := c.Compile(base + pointer)
	c.mutex.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	var invalid *jsonschema.ValidationError
	if err := s.Validate(value); errors.As(err, &invalid) {
		return leaves(invalid)
	} else if err != nil {
		t.Fatal(err)
	}
	return nil
}

// english writes what is wrong.
var english = message.NewPrinter(language.English)

// leaves are what is wrong at the places themselves, without what follows from it.
func leaves(err *jsonschema.ValidationError) []string {
	if len(err.Causes) == 0 {
		return []string{"/" + strings.Join(err.InstanceLocation, "/") + ": " + err.ErrorKind.LocalizedString(english)}
	}
	var faults []string
	for _, cause := range err.Causes {
		faults = append(faults, leaves(cause)...)
	}
	return faults
}
