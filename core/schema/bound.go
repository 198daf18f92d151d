package schema

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A schema is foreign input, and checking a value against a short one can take for
// ever: twenty definitions of ten alternatives each, every one referring to the next,
// are tried in 10^20 ways, and the check cannot be interrupted.

const (
	// maxRules bounds how many rules one value is checked against. A rule counts as
	// often as references and alternatives lead to it.
	maxRules = 10_000
	// maxSteps bounds the steps of all regular expressions of a schema together, and
	// stepsPerByte is what each byte of the schema adds to it.
	maxSteps     = 20_000
	stepsPerByte = 2
)

// boundedRegexp returns a compiler of regular expressions that together have at most
// so many steps. [regexp] takes time in proportion to the steps and to the text.
func boundedRegexp(stepsLeft int) jsonschema.RegexpEngine {
	return func(pattern string) (jsonschema.Regexp, error) {
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil, err
		}
		if stepsLeft -= stepsOf(parsed); stepsLeft < 0 {
			return nil, errors.New("the regular expressions of the schema are too large together")
		}
		return regexp.Compile(pattern)
	}
}

// stepsOf is about how many steps an expression is compiled to: a repetition is
// written out. The parser bounds nested ones.
func stepsOf(expression *syntax.Regexp) int {
	steps := 1
	if expression.Op == syntax.OpLiteral {
		steps = len(expression.Rune)
	}
	for _, sub := range expression.Sub {
		steps += stepsOf(sub)
	}
	if expression.Op == syntax.OpRepeat {
		steps *= max(expression.Min, expression.Max, 1)
	}
	return steps
}

// ruleCounter counts the rules that one value is checked against.
type ruleCounter struct {
	counts map[*jsonschema.Schema]int // negative while being counted
	queue  []*jsonschema.Schema       // of inner values
}

// checkRuleCount refuses a schema that has too many rules for one value, or whose
// rules refer to themselves without end.
func checkRuleCount(root *jsonschema.Schema) error {
	c := ruleCounter{counts: make(map[*jsonschema.Schema]int), queue: []*jsonschema.Schema{root}}
	for len(c.queue) > 0 {
		next := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		if _, err := c.count(next); err != nil {
			return err
		}
	}
	return nil
}

func (c *ruleCounter) count(s *jsonschema.Schema) (int, error) {
	if count, known := c.counts[s]; known {
		if count < 0 {
			return 0, fmt.Errorf("%s refers to itself without end", s.Location)
		}
		return count, nil
	}
	c.counts[s] = -1
	count := 1
	for _, other := range sameValue(s) {
		more, err := c.count(other)
		if err != nil {
			return 0, err
		}
		if count += more; count > maxRules {
			return 0, fmt.Errorf("%s holds one value against more than %d rules", s.Location, maxRules)
		}
	}
	c.counts[s] = count
	for _, inner := range innerValues(s) {
		if _, known := c.counts[inner]; !known {
			c.queue = append(c.queue, inner)
		}
	}
	return count, nil
}

// sameValue returns the schemas that apply to a value to which s applies.
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
	return nonNil(all)
}

// innerValues returns the schemas that apply to the values inside a value to which s
// applies.
func innerValues(s *jsonschema.Schema) []*jsonschema.Schema {
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
	return nonNil(all)
}

// schemasOf returns the schemas in a field that may hold something else.
func schemasOf(field any) []*jsonschema.Schema {
	switch field := field.(type) {
	case *jsonschema.Schema:
		return []*jsonschema.Schema{field}
	case []*jsonschema.Schema:
		return field
	}
	return nil
}

// nonNil leaves out nil.
func nonNil(all []*jsonschema.Schema) []*jsonschema.Schema {
	found := all[:0]
	for _, s := range all {
		if s != nil {
			found = append(found, s)
		}
	}
	return found
}
