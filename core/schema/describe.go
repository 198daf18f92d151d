package schema

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/backflow/backflow/core/value"
)

// describe says which rule of a schema a value breaks. It quotes the schema and never
// the value, which may be a secret.
func describe(err *jsonschema.ValidationError) string {
	switch k := err.ErrorKind.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", typeList(k.Want), gotType(k))
	case *kind.Enum:
		return "must be " + oneOf(k.Want)
	case *kind.Const:
		return "must be " + literal(k.Want)
	case *kind.OneOf: // more than one form fits
		return "must have only one of the forms that exclude each other"
	case *kind.FalseSchema, *kind.Not:
		return "is not allowed"
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want)
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + decimal(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "character"), k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "character"), k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "item"), k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "item"), k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "field"), k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "field"), k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.Pattern:
		return fmt.Sprintf("must match the pattern %q", k.Want)
	case *kind.Format:
		return "must be a valid " + k.Want
	default: // rare keywords, whose own texts hold no value
		return k.LocalizedString(message.NewPrinter(language.English))
	}
}

// describeAlternatives says what would have been accepted in place of a value that no
// branch of an anyOf is for.
func describeAlternatives(err *jsonschema.ValidationError) string {
	var wanted []string
	var other *kind.Type
	for _, cause := range err.Causes {
		for _, mismatch := range mismatches(cause, err.InstanceLocation) {
			var word string
			switch k := mismatch.ErrorKind.(type) {
			case *kind.Type:
				other = k
				word = typeList(k.Want)
			case *kind.Enum:
				word = oneOf(k.Want)
			case *kind.Const:
				word = literal(k.Want)
			}
			if !slices.Contains(wanted, word) {
				wanted = append(wanted, word)
			}
		}
	}
	if len(wanted) == 0 {
		return describe(err)
	}
	text := "must be " + strings.Join(wanted, " or ")
	if other != nil {
		text += ", not " + gotType(other)
	}
	return text
}

// typeList lists types with their articles.
func typeList(want []string) string {
	words := make([]string, len(want))
	for i, name := range want {
		words[i] = withArticle(name)
	}
	return strings.Join(words, " or ")
}

// gotType names the type of a value that has the wrong one.
func gotType(k *kind.Type) string {
	if k.Got == "number" && slices.Contains(k.Want, "integer") {
		return "a number with a fraction"
	}
	return withArticle(k.Got)
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
