package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON object of a schema.
type node = map[string]any

// definitions converts schemas, and notes which others they refer to.
type definitions struct {
	// wanted are the references that were met, by the name under "$defs".
	wanted map[string]reference
}

// reference is a schema of the description that others refer to. An open one is part
// of an allOf and leaves it to the whole to refuse what has no name.
type reference struct {
	ref  string
	open bool
}

// convert turns an OpenAPI schema object (3.0, in its Stripe dialect, or 3.1) into a
// JSON Schema of draft 2020-12. Annotations that say nothing of a value are left out.
// A keyword that is not known is an error, so that no description can lose a rule
// unseen.
//
// Four rules are ours. An object takes the properties that are listed and no others,
// as Stripe itself refuses unknown parameters. Where Stripe lets the empty string
// unset a value, null does so too: a form has no null. Metadata takes numbers, true
// and false beside texts: a form has texts alone. And a file is a text, or an object
// that holds it in base64.
func (d *definitions) convert(in node) (node, error) { return d.schema(in, false) }

func (d *definitions) schema(in node, open bool) (node, error) {
	if in["format"] == "binary" {
		return fileSchema(in), nil
	}
	out := node{}
	for key, given := range in {
		if err := d.keyword(out, key, given, open); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	bounds(in, out)
	readAmount(in, out)
	describeUnits(out["properties"])
	if _, said := out["additionalProperties"]; !said && out["type"] == "object" && !open {
		out["additionalProperties"] = false
	}
	if _, all := out["allOf"]; all {
		closeAll(out)
	}
	if in["nullable"] == true || unsettable(out) {
		out = allowNull(out)
	}
	return out, nil
}

// keyword converts one keyword.
func (d *definitions) keyword(out node, key string, given any, open bool) (err error) {
	switch key {
	case "title", "nullable", "default", "example", "examples", "deprecated", "discriminator",
		"readOnly", "writeOnly", "xml", "externalDocs", "$comment", "exclusiveMinimum", "exclusiveMaximum":
		// A title repeats the property's name. What Stripe does by default it does
		// itself. Some of these are looked at elsewhere.
	case "type", "enum", "const", "maxLength", "minLength", "pattern", "format", "required", "minimum", "maximum",
		"multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties":
		out[key] = given
	case "description":
		if short := shorten(fmt.Sprint(given)); short != "" {
			out[key] = short
		}
	case "items", "not":
		out[key], err = d.any(given, false)
	case "additionalProperties":
		if allowed, ok := given.(bool); ok {
			out[key] = allowed
		} else {
			out[key], err = d.any(given, false)
		}
	case "anyOf", "oneOf":
		out[key], err = d.list(given, open)
	case "allOf":
		out[key], err = d.list(given, true)
	case "properties":
		out[key], err = d.properties(given)
	case "$ref":
		out[key], err = d.refer(given, open)
	default:
		if !strings.HasPrefix(key, "x-") {
			return errors.New("unknown keyword")
		}
	}
	return err
}

// bounds converts the bounds that a number does not reach: in OpenAPI 3.0 they are
// true beside the bound.
func bounds(in, out node) {
	for exclusive, bound := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
		switch given := in[exclusive].(type) {
		case json.Number:
			out[exclusive] = given
		case bool:
			if given && out[bound] != nil {
				out[exclusive] = out[bound]
				delete(out, bound)
			}
		}
	}
}

func (d *definitions) any(value any, open bool) (node, error) {
	in, ok := value.(node)
	if !ok {
		return nil, fmt.Errorf("%T is not a schema", value)
	}
	return d.schema(in, open)
}

func (d *definitions) list(value any, open bool) ([]any, error) {
	in, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%T is not a list", value)
	}
	out := make([]any, len(in))
	for i, item := range in {
		schema, err := d.any(item, open)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = schema
	}
	return out, nil
}

// properties converts the properties of an object; nil is none.
func (d *definitions) properties(value any) (node, error) {
	out := node{}
	if value == nil {
		return out, nil
	}
	in, ok := value.(node)
	if !ok {
		return nil, fmt.Errorf("%T is not an object", value)
	}
	for name, property := range in {
		schema, err := d.any(property, false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if name == "metadata" {
			allowScalars(schema)
		}
		out[name] = schema
	}
	return out, nil
}

// refPrefix is what a reference begins with: the schemas of the description itself.
const refPrefix = "#/components/schemas/"

// refer notes that a definition is needed, and returns the reference to it.
func (d *definitions) refer(value any, open bool) (string, error) {
	ref, _ := value.(string)
	name, ok := strings.CutPrefix(ref, refPrefix)
	if !ok || name == "" || strings.ContainsAny(name, "/~%") {
		return "", fmt.Errorf("%q is not a schema under %s", ref, refPrefix)
	}
	if open {
		name += " (open)"
	}
	if d.wanted == nil {
		d.wanted = make(map[string]reference)
	}
	d.wanted[name] = reference{ref, open}
	return "#/$defs/" + strings.ReplaceAll(name, " ", "%20"), nil
}

// resolve converts all definitions that were met, and those that they refer to.
func (d *definitions) resolve(of *Description) (node, error) {
	done := node{}
	for len(done) < len(d.wanted) {
		for name, wanted := range maps.Clone(d.wanted) {
			if done[name] != nil {
				continue
			}
			in, err := of.definition(wanted.ref)
			if err != nil {
				return nil, err
			}
			if done[name], err = d.schema(in, wanted.open); err != nil {
				return nil, fmt.Errorf("%s: %w", wanted.ref, err)
			}
		}
	}
	return done, nil
}

// definition returns the schema that a reference leads to, as it stands there.
func (d *Description) definition(ref string) (node, error) {
	all, err := d.definitions()
	if err != nil {
		return nil, fmt.Errorf("components: %w", err)
	}
	raw, ok := all[strings.TrimPrefix(ref, refPrefix)]
	if !ok {
		return nil, fmt.Errorf("the description has no %s", ref)
	}
	var found node
	if err := decode(raw, &found); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return found, nil
}

// fileSchema is that of a file: a text as it is, or any bytes. What a name and a type
// may be is checked where the file is read.
func fileSchema(in node) node {
	out := node{"anyOf": []any{
		node{"type": "string"},
		node{
			"type": "object", "additionalProperties": false, "required": []any{"base64"},
			"properties": node{
				"name":        node{"type": "string", "description": "The name of the file."},
				"contentType": node{"type": "string", "description": "The type of the file, such as image/png."},
				"base64":      node{"type": "string", "description": "The bytes of the file in base64."},
			},
		},
	}}
	if short := shorten(fmt.Sprint(in["description"])); in["description"] != nil && short != "" {
		out["description"] = short
	}
	return out
}

// closeAll refuses what none of the parts of an allOf names: each for itself would
// refuse what the others name.
func closeAll(schema node) {
	if _, said := schema["additionalProperties"]; !said || schema["additionalProperties"] == false {
		delete(schema, "additionalProperties")
		schema["unevaluatedProperties"] = false
	}
}

// allowScalars lets an object of texts, which may be one of several forms of a value,
// hold other scalars too.
func allowScalars(schema node) {
	if members, ok := schema["additionalProperties"].(node); ok {
		switch kind := members["type"].(type) {
		case string:
			if kind == "string" {
				members["type"] = []any{"string", "number", "boolean"}
			}
		case []any:
			if len(kind) == 2 && kind[0] == "string" && kind[1] == "null" {
				members["type"] = []any{"string", "number", "boolean", "null"}
			}
		}
	}
	forms, _ := schema["anyOf"].([]any)
	for _, form := range forms {
		if one, ok := form.(node); ok {
			allowScalars(one)
		}
	}
}

// unsettable reports whether a schema lists the empty string among its values,
// which is how Stripe's description says that a parameter can be unset.
func unsettable(schema node) bool {
	values, _ := schema["enum"].([]any)
	for _, value := range values {
		if value == "" {
			return true
		}
	}
	return false
}

// allowNull returns a schema that takes null too.
func allowNull(schema node) node {
	kind, typed := schema["type"].(string)
	values, listed := schema["enum"].([]any)
	if listed {
		schema["enum"] = append(append([]any{}, values...), nil)
	}
	switch {
	case typed:
		schema["type"] = []any{kind, "null"}
	case !listed && schema["anyOf"] == nil && schema["oneOf"] == nil && schema["allOf"] == nil && schema["$ref"] == nil:
		// It takes anything.
	case !listed:
		wrapped := node{"anyOf": []any{schema, node{"type": "null"}}}
		if description, ok := schema["description"]; ok {
			wrapped["description"] = description
			delete(schema, "description")
		}
		return wrapped
	}
	return schema
}

// decode reads a part of the description, with numbers as they are written.
func decode(raw jsontext.Value, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// eachItem calls visit for each item of a JSON array.
func eachItem(array jsontext.Value, visit func(item jsontext.Value) error) error {
	var items []json.RawMessage
	if err := json.Unmarshal(array, &items); err != nil {
		return errors.New("it is not a list")
	}
	for _, item := range items {
		if err := visit(jsontext.Value(item)); err != nil {
			return err
		}
	}
	return nil
}

// clone returns a copy of a schema that shares nothing with it.
func clone(in node) node {
	out := make(node, len(in))
	for name, value := range in {
		out[name] = cloneAny(value)
	}
	return out
}

func cloneAny(value any) any {
	switch v := value.(type) {
	case node:
		return clone(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = cloneAny(item)
		}
		return out
	}
	return value
}
