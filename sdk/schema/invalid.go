package schema

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
)

// InvalidError says that a schema is not valid, with everything that is wrong with it:
// each fault at its keyword.
type InvalidError struct {
	Faults []Fault
}

// Error gives all faults in one line.
func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Message
		if f.Pointer != "" {
			texts[i] = f.Pointer + ": " + f.Message
		}
	}
	return strings.Join(texts, "; ")
}

func invalid(at, message, hint string) error {
	return &InvalidError{[]Fault{{Pointer: at, Message: message, Hint: hint}}}
}

// faultAt is an error about a rule.
func faultAt(r *rule, message string) error {
	return invalid(strings.TrimPrefix(r.location, "#"), message, "")
}

// examples show how keywords are written whose values are often wrong.
var examples = map[string]string{
	"type":                 `"type": "string"`,
	"properties":           `"properties": { "name": { "type": "string" } }`,
	"required":             `"required": ["name"]`,
	"items":                `"items": { "type": "string" }`,
	"enum":                 `"enum": ["a", "b"]`,
	"additionalProperties": `"additionalProperties": false`,
	"minimum":              `"minimum": 1`,
	"maximum":              `"maximum": 100`,
	"exclusiveMinimum":     `"exclusiveMinimum": 0`,
	"exclusiveMaximum":     `"exclusiveMaximum": 100`,
	"minLength":            `"minLength": 1`,
	"maxLength":            `"maxLength": 255`,
	"minItems":             `"minItems": 1`,
	"maxItems":             `"maxItems": 10`,
	"pattern":              `"pattern": "^[a-z]+$"`,
	"format":               `"format": "email"`,
	"anyOf":                `"anyOf": [{ "type": "string" }, { "type": "null" }]`,
	"oneOf":                `"oneOf": [{ "type": "string" }, { "type": "null" }]`,
	"allOf":                `"allOf": [{ "required": ["name"] }]`,
	"$ref":                 `"$ref": "#/$defs/name"`,
	"uniqueItems":          `"uniqueItems": true`,
	"patternProperties":    `"patternProperties": { "^x-": { "type": "string" } }`,
	"dependentRequired":    `"dependentRequired": { "card": ["name"] }`,
}

// hintOf shows how the keyword at a pointer, or around it, is written.
func hintOf(at string) string {
	tokens := slices.Collect(jsontext.Pointer(at).Tokens())
	for i := len(tokens) - 1; i >= max(0, len(tokens)-2); i-- {
		if i > 0 && (tokens[i-1] == "properties" || tokens[i-1] == "$defs" || tokens[i-1] == "patternProperties") {
			return "a schema is an object, true or false" // a name that the user chose
		}
		if example := examples[tokens[i]]; example != "" {
			return "as in " + example
		}
	}
	return ""
}

// explain turns an error of the library into an [InvalidError]: its own has many
// lines, and places in a file that there is not.
func explain(err error, document any) error {
	var faults []Fault
	var wrong *jsonschema.SchemaValidationError
	if errors.As(err, &wrong) {
		faults = againstMetaSchema(document)
	}
	if len(faults) == 0 {
		faults = wrongReferences(document)
	}
	if len(faults) > 0 {
		return &InvalidError{faults}
	}
	at := ""
	if expression := (*jsonschema.InvalidRegexError)(nil); errors.As(err, &expression) {
		_, at, _ = strings.Cut(expression.URL, "#")
		err = fmt.Errorf("not a regular expression: %w", expression.Err)
	}
	text := strings.ReplaceAll(err.Error(), schemaLocation, "")
	return invalid(at, strings.Join(strings.Fields(text), " "), "")
}

// againstMetaSchema holds a schema against the schema of schemas.
func againstMetaSchema(document any) []Fault {
	draft := "https://json-schema.org/draft/2020-12/schema"
	if object, ok := document.(map[string]any); ok {
		if named, ok := object["$schema"].(string); ok {
			draft = named
		}
	}
	root, more, err := compile(map[string]any{"$ref": draft}, maxSteps)
	if err != nil {
		return nil
	}
	meta := Schema{root: compileRules(root, more, nil)}
	var faults []Fault
	tooLarge := false
	for _, f := range meta.OpenFaults(document, nil) {
		if hint := hintOf(f.Pointer); hint != "" && !strings.HasPrefix(f.Hint, "did you mean") {
			f.Hint = hint
		}
		if expression, ok := at(document, f.Pointer).(string); ok && f.Message == "must be a valid regex" {
			_, err := syntax.Parse(expression, syntax.Perl)
			switch {
			case err != nil:
				f.Message = "not a regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			case tooLarge:
				continue
			default:
				f.Message, f.Hint, tooLarge = errTooLarge.Error(), "", true
			}
		}
		faults = append(faults, f)
	}
	return faults
}

// wrongReferences returns the references of a schema that lead nowhere in it.
func wrongReferences(document any) []Fault {
	var faults []Fault
	for place, object := range objects(document) {
		ref, ok := object["$ref"].(string)
		if !ok {
			continue
		}
		f := Fault{Pointer: place + "/$ref"}
		target, local := strings.CutPrefix(ref, "#")
		switch {
		case !local && !strings.HasPrefix(ref, "https://json-schema.org/") && !strings.HasPrefix(ref, "http://json-schema.org/"):
			f.Message = fmt.Sprintf("$ref %q leads out of the schema, which must be complete in itself", ref)
			f.Hint = `put what it names below "$defs"`
		case local && (target == "" || !strings.HasPrefix(target, "/")):
			continue // an anchor
		case local && at(document, target) == nil:
			f.Message = fmt.Sprintf("$ref %q leads nowhere", ref)
			f.Hint = nearReference(document, ref)
		default:
			continue
		}
		faults = append(faults, f)
	}
	return faults
}

// nearReference suggests a definition of the schema.
func nearReference(document any, ref string) string {
	var known []string
	root, _ := document.(map[string]any)
	for _, key := range []string{"$defs", "definitions"} {
		defs, _ := root[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(defs)) {
			known = append(known, pointer.Join("#", key, name))
		}
	}
	if len(known) == 0 {
		return `definitions stand below "$defs"`
	}
	return suggest.Hint(ref, known)
}

// at returns the value that a pointer leads to; nil where it leads nowhere.
func at(v any, place string) any {
	for token := range jsontext.Pointer(place).Tokens() {
		switch in := v.(type) {
		case map[string]any:
			v = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// objects returns all objects in a value with their pointers, outer ones first.
func objects(v any) iter.Seq2[string, map[string]any] {
	return func(yield func(string, map[string]any) bool) { walkObjects(v, "", yield) }
}

func walkObjects(v any, place string, yield func(string, map[string]any) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		if !yield(place, v) {
			return false
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !walkObjects(v[name], pointer.Join(place, name), yield) {
				return false
			}
		}
	case []any:
		for i, item := range v {
			if !walkObjects(item, place+"/"+strconv.Itoa(i), yield) {
				return false
			}
		}
	}
	return true
}
