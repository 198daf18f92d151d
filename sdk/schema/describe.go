package schema

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/value"
)

// noteOf returns what a schema says of its values: the first sentence of its
// description, or an example.
func noteOf(s *jsonschema.Schema) string {
	const most = 160 // characters
	if text := strings.TrimSpace(s.Description); text != "" {
		text = strings.Join(strings.Fields(text), " ")
		if end := strings.Index(text, ". "); end >= 0 {
			text = text[:end]
		}
		return excerpt.Runes(strings.TrimSuffix(text, "."), most)
	}
	if len(s.Examples) > 0 && !s.WriteOnly { // an example of a secret is of no use
		return "such as " + excerpt.Runes(literal(s.Examples[0]), most)
	}
	return ""
}

// noteOf returns the note of a rule, or of one that it refers to.
func (r *rule) noteOf() string {
	for range 10 { // a chain of references that is longer says no more
		if r.note != "" || len(r.refs) == 0 {
			break
		}
		r = r.refs[0]
	}
	return r.note
}

// typeList lists types with their articles.
func typeList(want []string) string {
	words := make([]string, len(want))
	for i, name := range want {
		words[i] = withArticle(name)
	}
	return strings.Join(words, " or ")
}

// withFraction is a number where an integer is wanted.
const withFraction = "a number with a fraction"

// gotType names the kind of a value where others are wanted.
func gotType(got, want kinds) string {
	switch {
	case got == 0:
		return "something else"
	case got == fraction && want&integer != 0:
		return withFraction
	case got&(integer|fraction) != 0:
		return "a number"
	default:
		return withArticle(got.names()[0])
	}
}

func withArticle(typeName string) string {
	switch typeName {
	case "null":
		return typeName
	case "integer", "object", "array":
		return "an " + typeName
	default:
		return "a " + typeName
	}
}

// oneOf lists the values of an enumeration.
func oneOf(values []any) string {
	const most = 12
	if len(values) == 1 {
		return literal(values[0])
	}
	var words []string
	for _, v := range values[:min(len(values), most)] {
		words = append(words, literal(v))
	}
	if len(values) > most {
		words = append(words, "…")
	}
	return "one of " + strings.Join(words, ", ")
}

// literal writes a value of a schema as JSON.
func literal(v any) string {
	raw, err := value.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // not reached: schemas come from JSON
	}
	return string(raw)
}

// decimal writes a bound of a schema, which was written as a decimal.
func decimal(r *big.Rat) string {
	digits, exact := r.FloatPrec()
	if !exact {
		return r.RatString()
	}
	return r.FloatString(digits)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
