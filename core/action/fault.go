package action

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/backflow/backflow/core/suggest"
	"github.com/backflow/backflow/sdk"
)

// maxFaults bounds what a caller has to read.
const maxFaults = 50

// schemaFaults flattens what a schema has against params into one fault a
// place, in the order of the pointers. Of an anyOf only the branch that goes
// deepest is told: a caller who wrote items[0].prise means that one. Known are
// the fields of the params themselves, for hints.
func schemaFaults(err *jsonschema.ValidationError, known []string) []sdk.Fault {
	c := collector{known: known}
	c.collect(err)
	sort.SliceStable(c.faults, func(i, j int) bool { return c.faults[i].Pointer < c.faults[j].Pointer })
	if len(c.faults) > maxFaults {
		c.faults = c.faults[:maxFaults]
	}
	return c.faults
}

type collector struct {
	known  []string
	faults []sdk.Fault
}

func (c *collector) add(location []string, text string) {
	c.faults = append(c.faults, sdk.Fault{Pointer: pointer(location), Message: text})
}

func (c *collector) collect(err *jsonschema.ValidationError) {
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if branch := deepest(err.Causes); branch != nil && len(branch.InstanceLocation) > len(err.InstanceLocation) {
			c.collect(branch)
			return
		}
		c.add(err.InstanceLocation, alternatives(err))
		return
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			c.add(child(err.InstanceLocation, name), c.unknownField(err.InstanceLocation, name))
		}
		return
	case *kind.Required:
		for _, name := range k.Missing {
			c.add(child(err.InstanceLocation, name), fmt.Sprintf("%q is required", name))
		}
		return
	}
	if len(err.Causes) == 0 {
		c.add(err.InstanceLocation, describe(err))
		return
	}
	for _, cause := range err.Causes {
		c.collect(cause)
	}
}

func (c *collector) unknownField(location []string, name string) string {
	if len(location) == 0 {
		if near := suggest.Nearest(name, c.known); near != "" {
			return fmt.Sprintf("unknown field %q (did you mean %q?)", name, near)
		}
	}
	return fmt.Sprintf("unknown field %q", name)
}

func child(location []string, name string) []string {
	return append(slices.Clone(location), name)
}

// deepest answers the branch whose fault lies deepest in the document.
func deepest(causes []*jsonschema.ValidationError) *jsonschema.ValidationError {
	var best *jsonschema.ValidationError
	bestDepth := -1
	for _, cause := range causes {
		if d := depth(cause); d > bestDepth {
			best, bestDepth = cause, d
		}
	}
	for best != nil && len(best.Causes) == 1 {
		best = best.Causes[0]
	}
	return best
}

func depth(err *jsonschema.ValidationError) int {
	d := len(err.InstanceLocation)
	for _, cause := range err.Causes {
		d = max(d, depth(cause))
	}
	return d
}

// alternatives tells what would have been accepted in place of a value.
func alternatives(err *jsonschema.ValidationError) string {
	var reasons []string
	for _, cause := range err.Causes {
		for len(cause.Causes) > 0 {
			cause = cause.Causes[0]
		}
		reasons = append(reasons, describe(cause))
	}
	if len(reasons) == 0 {
		return describe(err)
	}
	return strings.Join(reasons, ", or ")
}

// english prints the messages of the schema library, which are told by its
// kinds of errors and hold no value of a field but enumerations.
var english = message.NewPrinter(language.English)

func describe(err *jsonschema.ValidationError) string {
	switch k := err.ErrorKind.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString()
	case *kind.Enum:
		return "must be one of " + list(k.Want)
	case *kind.FalseSchema:
		return "is not allowed"
	default:
		return k.LocalizedString(english)
	}
}

func list(values []any) string {
	const most = 12
	var words []string
	for i, v := range values {
		if i == most {
			words = append(words, "…")
			break
		}
		if s, ok := v.(string); ok {
			v = strconv.Quote(s)
		}
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ", ")
}

func pointer(location []string) string {
	var b strings.Builder
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, token := range location {
		b.WriteByte('/')
		b.WriteString(escape.Replace(token))
	}
	return b.String()
}

// summary names the first fault, and how many there are.
func summary(faults []sdk.Fault) string {
	first := strings.TrimPrefix(faults[0].Pointer, "/")
	text := faults[0].Message
	if first != "" {
		text = first + ": " + text
	}
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
