package action

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
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

// match returns the params that stand in the path, if the path is this one.
func (b *binding) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(b.segments) {
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

// compare orders bindings so that of two that match the same path the one with
// a literal where the other has a param comes first.
func (b *binding) compare(other *binding) int {
	return slices.CompareFunc(b.segments, other.segments, func(x, y string) int {
		xParam, yParam := strings.HasPrefix(x, ":"), strings.HasPrefix(y, ":")
		switch {
		case xParam == yParam:
			return 0
		case xParam:
			return 1
		default:
			return -1
		}
	})
}

// textType is the type that text in a path or query is converted to, taken from
// the schema of the param.
type textType struct {
	list bool // an array whose items have the type in of
	of   scalar
}

type scalar uint8

const (
	scalarText scalar = iota // also for types that text cannot express
	scalarNumber
	scalarBoolean
)

// property is the part of a param's schema that determines its textType.
type property struct {
	Type  any `json:"type"`
	Items struct {
		Type any `json:"type"`
	} `json:"items"`
	AnyOf []struct {
		Type any `json:"type"`
	} `json:"anyOf"`
}

// textTypes reads the types of the top-level properties of a params schema.
func textTypes(schema []byte) map[string]textType {
	var doc struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	// A schema of another form has no typed properties: its values stay text.
	if json.Unmarshal(schema, &doc) != nil {
		return nil
	}
	types := make(map[string]textType, len(doc.Properties))
	for name, raw := range doc.Properties {
		var p property
		if json.Unmarshal(raw, &p) != nil { // such as true: anything goes
			p = property{}
		}
		types[name] = textType{of: scalarOf(p.name())}
		if typeName(p.Type) == "array" {
			types[name] = textType{list: true, of: scalarOf(typeName(p.Items.Type))}
		}
	}
	return types
}

// typeName returns the type that a schema declares, leaving null out, which
// text cannot say; "" if there are several or none.
func typeName(declared any) string {
	switch t := declared.(type) {
	case string:
		return t
	case []any:
		names := slices.DeleteFunc(slices.Clone(t), func(name any) bool { return name == "null" })
		if len(names) == 1 {
			return typeName(names[0])
		}
	}
	return ""
}

// name returns the type that a text is converted to. Of several forms that a value may
// have, it is the one scalar that is no text: "a number or an object" is a number.
func (p *property) name() string {
	if p.Type != nil {
		return typeName(p.Type)
	}
	found := ""
	for _, form := range p.AnyOf {
		switch name := typeName(form.Type); {
		case name == "object" || name == "array" || name == found:
		case found == "":
			found = name
		default:
			return ""
		}
	}
	return found
}

func scalarOf(name string) scalar {
	switch name {
	case "integer", "number":
		return scalarNumber
	case "boolean":
		return scalarBoolean
	default:
		return scalarText
	}
}

// Bound is a request that was found by an action's HTTP binding.
type Bound struct {
	// Path has the params that stand in the path.
	Path map[string]string
}

// Bind merges the path, the query and the body of a request into params. Bound is nil
// for a call of the action by its name, to which its HTTP binding does not apply. Path
// and query values are converted to the types in the schema, except for those that
// sdk.HTTPBinding.Query gathers. A value that cannot be converted stays text, and Check
// reports it by name. The body is a JSON object or nothing, unless it becomes a param;
// without other params it is passed on as it is and left to Check. A name that is given
// twice is an *sdk.Error with CodeRejected, except for an array, whose items may be given
// one by one in the query.
func (d *Descriptor) Bind(bound *Bound, query url.Values, body value.Doc) (value.Doc, error) {
	var path map[string]string
	var binding sdk.HTTPBinding // without Query and Body
	if bound != nil {
		path, binding = bound.Path, *d.spec.HTTP
	}
	if len(path) == 0 && len(query) == 0 && !body.IsZero() && binding.Body == "" {
		return body, nil
	}
	params := map[string]any{}
	switch {
	case body.IsZero():
	case binding.Body != "":
		params[binding.Body] = body.Value()
	default:
		object, ok := body.Value().(map[string]any)
		if !ok {
			return value.Doc{}, refuse(sdk.CodeRejected, "", "body: must be a JSON object, not %s", value.KindOf(body.Value()))
		}
		maps.Copy(params, object) // that of the document is shared
	}
	gathered := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		if _, inPath := path[name]; binding.Query != "" && !inPath && !slices.Contains(binding.Reserved, name) {
			gathered[name] = textsOf(values)
			continue
		}
		if _, taken := params[name]; taken || len(values) > 1 && !d.types[name].list {
			return value.Doc{}, givenTwice(name)
		}
		params[name] = d.typed(name, values)
	}
	if len(gathered) > 0 {
		if _, taken := params[binding.Query]; taken {
			return value.Doc{}, givenTwice(binding.Query)
		}
		params[binding.Query] = gathered
	}
	for _, name := range slices.Sorted(maps.Keys(path)) {
		if _, taken := params[name]; taken {
			return value.Doc{}, givenTwice(name)
		}
		params[name] = d.typed(name, []string{path[name]})
	}
	doc, err := value.DocOf(params)
	var same *value.SyntaxError
	if errors.As(err, &same) { // names in a query that are not UTF-8, and the same once they are written
		refused := refuse(sdk.CodeInvalidParams, "", "params: %v", err)
		refused.Faults = []sdk.Fault{{Pointer: same.Pointer, Message: same.Message}}
		return value.Doc{}, refused
	}
	if err != nil {
		return value.Doc{}, refuse(sdk.CodeRejected, "", "params: %v", err)
	}
	return doc, nil
}

// textsOf returns the texts of one name of the query as they are.
func textsOf(values []string) []any {
	texts := make([]any, len(values))
	for i, text := range values {
		texts[i] = text
	}
	return texts
}

func givenTwice(name string) *sdk.Error {
	return refuse(sdk.CodeRejected, "", "%q is given twice", name)
}

// typed turns the texts of a path or query value into what the schema says.
func (d *Descriptor) typed(name string, texts []string) any {
	t := d.types[name]
	if !t.list {
		return t.of.parse(texts[0])
	}
	items := make([]any, len(texts))
	for i, text := range texts {
		items[i] = t.of.parse(text)
	}
	return items
}

// parse returns the value that text stands for, or text itself.
func (s scalar) parse(text string) any {
	switch s {
	case scalarNumber:
		if v, err := value.Parse([]byte(text)); err == nil {
			if number, ok := v.(json.Number); ok {
				return number
			}
		}
	case scalarBoolean:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}
