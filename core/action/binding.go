package action

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// binding is an HTTP binding's path, split for matching.
type binding struct {
	segments []string
}

func newBinding(b *sdk.HTTPBinding) *binding {
	if b == nil {
		return nil
	}
	return &binding{segments: strings.Split(strings.TrimPrefix(b.Path, "/"), "/")}
}

// match answers the params that stand in the path, if the path is this one.
func (b *binding) match(segments []string) (map[string]string, bool) {
	if b == nil || len(segments) != len(b.segments) {
		return nil, false
	}
	var params map[string]string
	for i, want := range b.segments {
		name, isParam := strings.CutPrefix(want, ":")
		switch {
		case !isParam && want != segments[i]:
			return nil, false
		case isParam && segments[i] == "":
			return nil, false
		case isParam:
			if params == nil {
				params = make(map[string]string, 1)
			}
			params[name] = segments[i]
		}
	}
	return params, true
}

// paramType is what a schema says a param is, as far as text can be turned
// into it: the types that path and query values may have.
type paramType uint8

const (
	paramText paramType = iota
	paramNumber
	paramBoolean
	paramList // of text
	paramOther
)

// paramTypes reads the types of the top-level properties of a params schema.
func paramTypes(schema []byte) map[string]paramType {
	var doc struct {
		Properties map[string]struct {
			Type any `json:"type"`
		} `json:"properties"`
	}
	// A schema of another form has no typed properties: its values stay text.
	if json.Unmarshal(schema, &doc) != nil {
		return nil
	}
	types := make(map[string]paramType, len(doc.Properties))
	for name, property := range doc.Properties {
		types[name] = paramTypeOf(property.Type)
	}
	return types
}

func paramTypeOf(declared any) paramType {
	switch declared {
	case "string":
		return paramText
	case "integer", "number":
		return paramNumber
	case "boolean":
		return paramBoolean
	case "array":
		return paramList
	case "object":
		return paramOther
	default: // several types, or none: text is the least surprising
		return paramText
	}
}

// Bind joins what stands in path, query and body of a request into params.
// Path and query values become what the schema says they are; a value that
// cannot be is left as text for Check to refuse by name. A body is a JSON
// object, or empty. A name that comes twice is an *sdk.Error with CodeRejected.
func (a *Action) Bind(path map[string]string, query url.Values, body []byte) ([]byte, error) {
	if len(path) == 0 && len(query) == 0 && len(body) > 0 {
		return body, nil
	}
	params := map[string]any{}
	if len(body) > 0 {
		v, err := value.Parse(body)
		if err != nil {
			return nil, refuse(sdk.CodeRejected, "", "body: %v", err)
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil, refuse(sdk.CodeRejected, "", "body: must be a JSON object, not %s", value.KindOf(v))
		}
		params = object
	}
	for _, name := range sortedKeys(query) {
		if _, taken := params[name]; taken {
			return nil, twice(name)
		}
		values := query[name]
		if len(values) > 1 && a.types[name] != paramList {
			return nil, twice(name)
		}
		params[name] = a.typed(name, values)
	}
	for _, name := range sortedKeys(path) {
		if _, taken := params[name]; taken {
			return nil, twice(name)
		}
		params[name] = a.typed(name, []string{path[name]})
	}
	raw, err := value.Marshal(params)
	if err != nil {
		return nil, refuse(sdk.CodeRejected, "", "params: %v", err)
	}
	return raw, nil
}

func twice(name string) *sdk.Error {
	return refuse(sdk.CodeRejected, "", "%q is given twice", name)
}

// typed turns the text of a path or query value into what the schema says.
func (a *Action) typed(name string, texts []string) any {
	switch a.types[name] {
	case paramList:
		items := make([]any, len(texts))
		for i, text := range texts {
			items[i] = text
		}
		return items
	case paramNumber:
		if v, err := value.Parse([]byte(texts[0])); err == nil {
			if number, ok := v.(json.Number); ok {
				return number
			}
		}
	case paramBoolean:
		switch texts[0] {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return texts[0]
}

// sortedKeys makes what is told to users come in one order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
