package plugin

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/core/value"
)

// visitor walks a schema and a value side by side.
type visitor struct {
	// visit is told each rule that a value is held against, with the value's
	// place; not sure is a rule of an alternative, which may be meant for another
	// value.
	visit func(rules map[string]any, given any, pointer string, sure bool)

	root  any // of the schema
	steps int
}

// maxVisits ends the walk through a schema that leads to the same rules in too
// many ways.
const maxVisits = 100_000

// maxSchemaDepth ends the walk through a schema that refers to itself.
const maxSchemaDepth = 32

// walk visits nothing where the schema, which has been checked before, is none. It
// reports whether it came to the end.
func (f *visitor) walk(schema json.RawMessage, given any) (whole bool) {
	root, err := value.Parse(schema)
	if err != nil {
		return true
	}
	f.root = root
	f.step(root, given, "", true, 0)
	return f.steps <= maxVisits
}

func (f *visitor) step(schema, given any, pointer jsontext.Pointer, sure bool, depth int) {
	rules, ok := schema.(map[string]any)
	if f.steps++; !ok || depth > maxSchemaDepth || f.steps > maxVisits {
		return
	}
	f.visit(rules, given, string(pointer), sure)
	for other, always := range besides(f.root, rules) {
		f.step(other, given, pointer, sure && always, depth+1)
	}
	switch given := given.(type) {
	case map[string]any:
		properties, _ := rules["properties"].(map[string]any)
		for name, field := range given {
			rule, known := properties[name]
			if !known {
				rule = rules["additionalProperties"]
			}
			f.step(rule, field, pointer.AppendToken(name), sure, depth+1)
		}
	case []any:
		for i, element := range given {
			f.step(rules["items"], element, pointer.AppendToken(strconv.Itoa(i)), sure, depth+1)
		}
	}
}

// besides are the schemas that a value is held against together with rules, each
// with whether it always is.
func besides(root any, rules map[string]any) iter.Seq2[any, bool] {
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
