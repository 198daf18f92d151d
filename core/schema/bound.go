package schema

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A schema comes from a stranger, and a short one can ask for more than there is:
// twenty definitions of ten alternatives each, which lead from one to the next, are
// tried in 10^20 ways, and nobody can interrupt it.

const (
	// maxWeight bounds how many rules one value is held against, each counted as
	// often as references and alternatives lead to it.
	maxWeight = 10_000
	// maxProgram bounds the steps of all regular expressions of a schema that has
	// no bytes, and programPerByte is what each byte adds.
	maxProgram     = 20_000
	programPerByte = 2
)

// boundedRegexp answers a compiler of regular expressions that, together, have no
// more than so many steps. [regexp] takes time in proportion to them and to the
// text, never more.
func boundedRegexp(left int) jsonschema.RegexpEngine {
	return func(pattern string) (jsonschema.Regexp, error) {
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil, err
		}
		if left -= program(parsed); left < 0 {
			return nil, errors.New("the regular expressions of the schema are too large together")
		}
		return regexp.Compile(pattern)
	}
}

// program is about how many steps an expression is compiled to: a repetition is
// written out. The parser bounds nested ones.
func program(expression *syntax.Regexp) int {
	steps := 1
	if expression.Op == syntax.OpLiteral {
		steps = len(expression.Rune)
	}
	for _, sub := range expression.Sub {
		steps += program(sub)
	}
	if expression.Op == syntax.OpRepeat {
		steps *= max(expression.Min, expression.Max, 1)
	}
	return steps
}

// weigher finds schemas that one value is held against too often.
type weigher struct {
	weights map[*jsonschema.Schema]int // under way while negative
	waiting []*jsonschema.Schema       // of values inside
}

// checkWeight refuses a schema in which the rules for one value are too many, or
// refer to themselves without end.
func checkWeight(root *jsonschema.Schema) error {
	w := weigher{weights: make(map[*jsonschema.Schema]int), waiting: []*jsonschema.Schema{root}}
	for len(w.waiting) > 0 {
		next := w.waiting[len(w.waiting)-1]
		w.waiting = w.waiting[:len(w.waiting)-1]
		if _, err := w.weigh(next); err != nil {
			return err
		}
	}
	return nil
}

func (w *weigher) weigh(s *jsonschema.Schema) (int, error) {
	if weight, known := w.weights[s]; known {
		if weight < 0 {
			return 0, fmt.Errorf("%s refers to itself without end", s.Location)
		}
		return weight, nil
	}
	w.weights[s] = -1
	weight := 1
	for _, other := range sameValue(s) {
		more, err := w.weigh(other)
		if err != nil {
			return 0, err
		}
		if weight += more; weight > maxWeight {
			return 0, fmt.Errorf("%s holds one value against more than %d rules", s.Location, maxWeight)
		}
	}
	w.weights[s] = weight
	for _, inner := range valuesInside(s) {
		if _, known := w.weights[inner]; !known {
			w.waiting = append(w.waiting, inner)
		}
	}
	return weight, nil
}

// sameValue are the schemas that a value is held against where it is held against
// s.
func sameValue(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		all = append(all, s.DynamicRef.Ref)
	}
	all = append(append(append(all, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, other := range s.DependentSchemas {
		all = append(all, other)
	}
	for _, other := range s.Dependencies {
		all = append(all, schemasOf(other)...)
	}
	return there(all)
}

// valuesInside are the schemas that the values inside of a value are held against.
func valuesInside(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema}
	for _, other := range s.Properties {
		all = append(all, other)
	}
	for _, other := range s.PatternProperties {
		all = append(all, other)
	}
	all = append(all, s.PrefixItems...)
	for _, others := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		all = append(all, schemasOf(others)...)
	}
	return there(all)
}

// schemasOf are the schemas in a field that may hold something else.
func schemasOf(field any) []*jsonschema.Schema {
	switch field := field.(type) {
	case *jsonschema.Schema:
		return []*jsonschema.Schema{field}
	case []*jsonschema.Schema:
		return field
	}
	return nil
}

// there leaves out what is not there.
func there(all []*jsonschema.Schema) []*jsonschema.Schema {
	found := all[:0]
	for _, s := range all {
		if s != nil {
			found = append(found, s)
		}
	}
	return found
}
