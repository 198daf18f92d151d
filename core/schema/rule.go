package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/core/value"
)

// rule accepts nearly all values that a schema allows, in a fraction of the time that
// the library takes, which collects faults as it goes. A value that a rule does not
// accept may be valid all the same: then the library decides, and says what is wrong.
// The nil rule accepts nothing: it is for a schema with keywords that [compileRule]
// does not know.
type rule struct {
	always bool // it accepts everything
	kinds  kinds
	values []any   // of enum or const: scalars; nil: any value
	all    []*rule // every one accepts
	any    []*rule // one accepts; nil: there is no such keyword

	minimum, above json.Number // inclusive and exclusive; empty: none
	maximum, below json.Number

	length  span // of a string, in characters
	pattern jsonschema.Regexp

	size  span  // of an array
	items *rule // for every item

	count    span // of the members of an object
	required []string
	members  map[string]*rule
	others   *rule // for members that have no rule of their own
}

// span is a range of lengths, both ends included.
type span struct{ least, most int }

// unbounded holds every length.
const unbounded = math.MaxInt

func (s span) holds(n int) bool { return s.least <= n && n <= s.most }

// kinds is a set of types of values.
type kinds uint8

const (
	null kinds = 1 << iota
	boolean
	integer
	fraction // a number that is not written as an integer, even if it is one, as 1.0
	text
	array
	object
)

// accepts reports that the schema allows a value. See [rule] for what false means.
func (r *rule) accepts(v any) bool {
	switch {
	case r == nil:
		return false
	case r.always:
		return true
	case r.values != nil && !slices.Contains(r.values, v):
		return false
	}
	for _, part := range r.all {
		if !part.accepts(v) {
			return false
		}
	}
	if r.any != nil && !slices.ContainsFunc(r.any, func(branch *rule) bool { return branch.accepts(v) }) {
		return false
	}
	switch v := v.(type) {
	case nil:
		return r.kinds&null != 0
	case bool:
		return r.kinds&boolean != 0
	case json.Number:
		return r.acceptsNumber(v)
	case string:
		return r.acceptsText(v)
	case []any:
		return r.acceptsArray(v)
	case map[string]any:
		return r.acceptsObject(v)
	default:
		return false
	}
}

func (r *rule) acceptsNumber(n json.Number) bool {
	kind := integer
	if strings.ContainsAny(string(n), ".eE") {
		kind = fraction
	}
	return r.kinds&kind != 0 &&
		(r.minimum == "" || value.Compare(n, r.minimum) >= 0) && (r.above == "" || value.Compare(n, r.above) > 0) &&
		(r.maximum == "" || value.Compare(n, r.maximum) <= 0) && (r.below == "" || value.Compare(n, r.below) < 0)
}

func (r *rule) acceptsText(s string) bool {
	return r.kinds&text != 0 &&
		(r.length == span{0, unbounded} || r.length.holds(utf8.RuneCountInString(s))) &&
		(r.pattern == nil || r.pattern.MatchString(s))
}

func (r *rule) acceptsArray(list []any) bool {
	if r.kinds&array == 0 || !r.size.holds(len(list)) {
		return false
	}
	for _, item := range list {
		if !r.items.accepts(item) {
			return false
		}
	}
	return true
}

func (r *rule) acceptsObject(members map[string]any) bool {
	if r.kinds&object == 0 || !r.count.holds(len(members)) {
		return false
	}
	for _, name := range r.required {
		if _, given := members[name]; !given {
			return false
		}
	}
	for name, v := range members {
		own, has := r.members[name]
		if !has {
			own = r.others
		}
		if !own.accepts(v) {
			return false
		}
	}
	return true
}
