package operations

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// schema is a schema of the description, as it stands there.
type schema = map[string]any

// operation is an operation of the description.
type operation struct {
	id, method, path string
	parameters       []parameter
	body             schema
	multipart        bool
	expandable       bool // what it answers has fields that can be expanded
}

type parameter struct {
	Name     string
	In       string
	Required bool
	Schema   schema
}

// describe reads a description: the version, and the operations sorted by their ids.
func describe(t *testing.T, raw []byte) (version string, operations []operation) {
	t.Helper()
	var document struct {
		Info  struct{ Version string }
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []parameter
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
			Responses map[string]struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	for path, methods := range document.Paths {
		for method, o := range methods {
			found := operation{id: o.OperationID, method: strings.ToUpper(method), path: path, parameters: o.Parameters}
			for contentType, content := range o.RequestBody.Content {
				found.body, found.multipart = content.Schema, contentType == "multipart/form-data"
			}
			for _, content := range o.Responses["200"].Content {
				answer := content.Schema
				if ref, ok := answer["$ref"].(string); ok {
					answer = document.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
				}
				found.expandable = len(texts(answer["x-expandableFields"])) > 0
			}
			operations = append(operations, found)
		}
	}
	slices.SortFunc(operations, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return document.Info.Version, operations
}

// given returns the description that is tested, and where it is if it is not the one
// that the plugin has by itself.
func given(t *testing.T) (raw []byte, path string) {
	t.Helper()
	path = os.Getenv(envDescription)
	if path == "" {
		return embedded.OpenAPISpec, ""
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw, path
}

// params are all params of the operation, and those that it requires.
func (o *operation) params() (all map[string]schema, required []string) {
	all = map[string]schema{}
	for _, p := range o.parameters {
		all[p.Name] = p.Schema
		if p.Required {
			required = append(required, p.Name)
		}
	}
	properties, _ := o.body["properties"].(map[string]any)
	for name, property := range properties {
		all[name], _ = property.(schema)
	}
	return all, append(required, texts(o.body["required"])...)
}

// in says in which part of a request a param is sent.
func (o *operation) in(name string) string {
	for _, p := range o.parameters {
		if p.Name == name {
			return p.In
		}
	}
	return "body"
}

func texts(list any) []string {
	items, _ := list.([]any)
	var out []string
	for _, item := range items {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
