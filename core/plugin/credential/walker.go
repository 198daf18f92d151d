package credential

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/value"
)

// walker walks a schema and a value side by side.
type walker struct {
	// visit is called with each schema that applies to a value, and with the
	// value's place. required is false for an alternative (anyOf, oneOf, if), which
	// may be meant for another value.
	visit func(rules map[string]any, given any, pointer string, required bool)

	root  any // of the schema
	steps int
}

// maxVisits ends the walk through a schema that leads to the same rules in too
// many ways.
const maxVisits = 100_000

// maxSchemaDepth ends the walk through a schema that refers to itself.
const maxSchemaDepth = 32

// walk visits nothing if the schema, which has been checked before, is not JSON.
// It reports whether it reached the end.
func (w *walker) walk(schema json.RawMessage, given any) (complete bool) {
	root, err := value.Parse(schema)
	if err != nil {
		return true
	}
	w.root = root
	w.step(root, given, "", true, 0)
	return w.steps <= maxVisits
}

func (w *walker) step(schema, given any, pointer jsontext.Pointer, required bool, depth int) {
	rules, ok := schema.(map[string]any)
	if w.steps++; !ok || depth > maxSchemaDepth || w.steps > maxVisits {
		return
	}
	w.visit(rules, given, string(pointer), required)
	for other, always := range applied(w.root, rules) {
		w.step(other, given, pointer, required && always, depth+1)
	}
	switch given := given.(type) {
	case map[string]any:
		properties, _ := rules["properties"].(map[string]any)
		for name, field := range given {
			rule, known := properties[name]
			if !known {
				rule = rules["additionalProperties"]
			}
			w.step(rule, field, pointer.AppendToken(name), required, depth+1)
		}
	case []any:
		for i, element := range given {
			w.step(rules["items"], element, pointer.AppendToken(strconv.Itoa(i)), required, depth+1)
		}
	}
}

// applied yields the schemas that apply to a value together with rules, each with
// whether it always does.
func applied(root any, rules map[string]any) iter.Seq2[any, bool] {
	return func(yield func(any, bool) bool) {
		if reference, ok := rules["$ref"].(string); ok && !yield(resolve(root, reference), true) {
			return
		}
		for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
			branches, _ := rules[keyword].([]any)
			for _, branch := range branches {
				if !yield(branch, keyword == "allOf") {
					return
				}
			}
		}
		for _, keyword := range []string{"if", "then", "else"} {
			if branch, given := rules[keyword]; given && !yield(branch, false) {
				return
			}
		}
	}
}

// resolve follows a reference within the schema, "#/$defs/x".
func resolve(root any, reference string) any {
	path, local := strings.CutPrefix(reference, "#")
	if !local {
		return nil
	}
	current := root
	for segment := range jsontext.Pointer(path).Tokens() {
		rules, ok := current.(map[string]any)
		if !ok {
			return nil
		}
		current = rules[segment]
	}
	return current
}
