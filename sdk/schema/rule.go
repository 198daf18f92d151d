package schema

import (
	"encoding/json"
	"math"
	"math/big"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// rule is one compiled schema or subschema. The library reads schemas and resolves
// their references; values are checked against rules, because the library collects
// all faults of a value before it returns and cannot be stopped.
type rule struct {
	location string // in the schema, for messages
	note     string // what the schema says of its values, for hints
	unit     string // what an integer counts

	never bool // the schema false
	kinds kinds
	// enum are the values allowed, nil for any; scalars are those of them that hold
	// no others and are not numbers.
	enum    []any
	scalars map[any]bool
	isConst bool // enum is of the keyword const
	second  *rule
	format  *jsonschema.Format

	refs         []*rule // $ref, $dynamicRef and $recursiveRef
	refsOnly     bool    // before 2019-09 nothing but type, values and format counts beside $ref
	all          []*rule
	any          []*rule
	one          []*rule
	not          *rule
	ifs          *rule
	then, orElse *rule

	minimum, above json.Number // inclusive and exclusive; empty: none
	maximum, below json.Number
	multipleOf     *big.Rat

	length  span // of a string, in characters
	pattern jsonschema.Regexp

	size     span // of an array
	unique   bool
	prefix   []*rule
	items    *rule // of the items behind the prefix; nil: anything
	contains *rule
	matches  span // of the items that match contains
	// containsCounts says that unevaluatedItems passes over what contains matches.
	containsCounts bool

	count         span // of the members of an object
	required      []string
	members       map[string]*rule
	patterns      []patternRule
	others        *rule // for members that have no rule of their own; nil: anything
	closed        bool  // there may be no others
	names         *rule
	dependents    []dependent
	unevaluated   *rule // members that nothing else was said of
	unevaluatedAt *rule // items likewise
}

// patternRule is for the members whose names match.
type patternRule struct {
	pattern jsonschema.Regexp
	rule    *rule
}

// dependent is what an object must be where it has a member.
type dependent struct {
	name     string
	required []string
	rule     *rule // nil: there is no schema
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
	fraction // a number that has a fraction
	text
	array
	object
	anything = null | boolean | integer | fraction | text | array | object
)

// sameValue returns the rules that apply to a value to which r applies.
func (r *rule) sameValue() []*rule {
	all := append([]*rule{r.second, r.not, r.ifs, r.then, r.orElse}, r.refs...)
	all = append(append(append(all, r.all...), r.any...), r.one...)
	for _, d := range r.dependents {
		all = append(all, d.rule)
	}
	return nonNil(all)
}

// innerValues returns the rules that apply to the values inside a value to which r
// applies.
func (r *rule) innerValues() []*rule {
	all := append([]*rule{r.names, r.unevaluated, r.contains, r.items, r.unevaluatedAt, r.others}, r.prefix...)
	for _, member := range r.members {
		all = append(all, member)
	}
	for _, p := range r.patterns {
		all = append(all, p.rule)
	}
	return nonNil(all)
}

// nonNil leaves out nil.
func nonNil(all []*rule) []*rule {
	found := all[:0]
	for _, r := range all {
		if r != nil {
			found = append(found, r)
		}
	}
	return found
}
