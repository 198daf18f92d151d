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

var errTooLarge = errors.New("the regular expressions of the schema are too large together")

// boundedRegexp returns a compiler of regular expressions that together have at most
// so many steps. [regexp] takes time in proportion to the steps and to the text.
func boundedRegexp(stepsLeft int) jsonschema.RegexpEngine {
	return func(pattern string) (jsonschema.Regexp, error) {
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return nil, err
		}
		if stepsLeft -= stepsOf(parsed); stepsLeft < 0 {
			return nil, errTooLarge
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
	counts map[*rule]int // negative while being counted
	queue  []*rule       // of inner values
}

// checkRuleCount refuses a schema that has too many rules for one value, or whose
// rules refer to themselves without end.
func checkRuleCount(root *rule) error {
	c := ruleCounter{counts: make(map[*rule]int), queue: []*rule{root}}
	for len(c.queue) > 0 {
		next := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		if _, err := c.count(next); err != nil {
			return err
		}
	}
	return nil
}

func (c *ruleCounter) count(r *rule) (int, error) {
	if count, known := c.counts[r]; known {
		if count < 0 {
			return 0, faultAt(r, "refers to itself without end")
		}
		return count, nil
	}
	c.counts[r] = -1
	count := 1
	for _, other := range r.sameValue() {
		more, err := c.count(other)
		if err != nil {
			return 0, err
		}
		if count += more; count > maxRules {
			return 0, faultAt(r, fmt.Sprintf("holds one value against more than %d rules", maxRules))
		}
	}
	c.counts[r] = count
	for _, inner := range r.innerValues() {
		if _, known := c.counts[inner]; !known {
			c.queue = append(c.queue, inner)
		}
	}
	return count, nil
}
