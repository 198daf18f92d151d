package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk/value"
)

const (
	// maxChecks is how often a value and those inside it are held against rules,
	// all together, beside checksPerValue for each of them. A check that would take
	// more ends, and the value is refused: in a schema that refers to itself, each
	// level of a value can multiply the work.
	maxChecks = 1_000_000
	// checksPerValue is far above what a value needs.
	checksPerValue = 32
	// bytesPerCheck is how much text is as much work as one check.
	bytesPerCheck = 256
	// checksPerFault is as much work as to describe a fault, beside one for each level
	// that it is deep.
	checksPerFault = 64
)

// checker holds one value against rules. Without a list of faults it stops at the
// first thing that is wrong.
type checker struct {
	left   int // checks
	faults *faultList
	path   []segment // to the value that is checked
	note   string    // what the schema says of it
	unit   string    // what it counts
}

// segment is one step of a path into a value.
type segment struct {
	name  string
	index int // -1: it is a name
}

// String is the segment as a JSON Pointer names it.
func (s segment) String() string {
	if s.index >= 0 {
		return strconv.Itoa(s.index)
	}
	return s.name
}

// checksFor returns how many checks a value is worth.
func checksFor(v any) int { return maxChecks + checksPerValue*size(v) }

// size counts the values in a value, itself included.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += size(item)
		}
	case map[string]any:
		for _, member := range v {
			n += size(member)
		}
	}
	return n
}

// exhausted reports whether no check is left.
func (c *checker) exhausted() bool { return c.left < 0 }

// done reports whether nothing more is to be found out.
func (c *checker) done() bool {
	return c.exhausted() || c.faults != nil && c.faults.full()
}

// evaluated is what has been said of the members or items of a value, for the
// keywords unevaluatedProperties and unevaluatedItems.
type evaluated struct {
	members    map[string]bool
	allMembers bool
	items      int // all before this one
	item       map[int]bool
}

func (e *evaluated) merge(other *evaluated) {
	e.allMembers = e.allMembers || other.allMembers
	e.items = max(e.items, other.items)
	for name := range other.members {
		e.addMember(name)
	}
	for i := range other.item {
		e.addItem(i)
	}
}

func (e *evaluated) addMember(name string) {
	if e.members == nil {
		e.members = make(map[string]bool)
	}
	e.members[name] = true
}

func (e *evaluated) addItem(i int) {
	if e.item == nil {
		e.item = make(map[int]bool)
	}
	e.item[i] = true
}

// accepts reports that a value meets a rule. It looks for no faults.
func (c *checker) accepts(r *rule, v any, seen *evaluated) bool {
	quick := checker{left: c.left}
	ok := quick.check(r, v, seen)
	c.left = quick.left
	return ok
}

// check holds a value against a rule. It notes in seen, unless that is nil, of which
// members and items the rule has said something, if the value meets it.
func (c *checker) check(r *rule, v any, seen *evaluated) bool {
	if c.left--; c.left < 0 {
		return false
	}
	if r.never {
		return c.wrong("is not allowed")
	}
	if c.faults != nil && r.note != "" {
		defer func(note string) { c.note = note }(c.note)
		c.note = r.note
	}
	if c.faults != nil && r.unit != "" {
		defer func(unit string) { c.unit = unit }(c.unit)
		c.unit = r.unit
	}
	if kind := kindOf(v); r.kinds&kind == 0 {
		return c.wrongType(r, kind)
	}
	if r.enum != nil && !c.isOneOf(r, v) {
		return c.wrongValue(r)
	}
	if r.format != nil && !c.hasFormat(r, v) {
		return c.wrong("must be a valid " + r.format.Name)
	}
	if r.refsOnly {
		return (r.second == nil || c.check(r.second, v, nil)) && c.checkAll(r.refs, v, seen)
	}
	own := seen
	if r.unevaluated != nil || r.unevaluatedAt != nil {
		own = &evaluated{} // what was said around it does not count
	}
	ok := true
	if r.second != nil {
		ok = c.check(r.second, v, nil) && ok
	}
	if !ok && c.faults == nil {
		return false
	}
	ok = c.checkAll(r.refs, v, own) && ok
	if !ok && c.faults == nil {
		return false
	}
	switch v := v.(type) {
	case json.Number:
		ok = c.number(r, v) && ok
	case string:
		ok = c.text(r, v) && ok
	case []any:
		ok = c.array(r, v, own) && ok
	case map[string]any:
		ok = c.object(r, v, own) && ok
	}
	if !ok && c.faults == nil {
		return false
	}
	ok = c.conditions(r, v, own) && ok
	ok = (ok || c.faults != nil) && c.rest(r, v, own) && ok && !c.exhausted()
	if ok && own != seen && seen != nil {
		seen.merge(own)
	}
	return ok
}

// kindOf returns the kind of a value; none if it is no value of package value.
func kindOf(v any) kinds {
	switch v := v.(type) {
	case nil:
		return null
	case bool:
		return boolean
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") || value.IsInteger(v) {
			return integer
		}
		return fraction
	case string:
		return text
	case []any:
		return array
	case map[string]any:
		return object
	default:
		return 0
	}
}

func (c *checker) isOneOf(r *rule, v any) bool {
	switch v.(type) {
	case nil, bool, string:
		return r.scalars[v]
	}
	c.left -= len(r.enum) / 8
	return slices.ContainsFunc(r.enum, func(allowed any) bool { return value.Equal(v, allowed) })
}

func (c *checker) hasFormat(r *rule, v any) bool {
	if s, ok := v.(string); ok {
		c.left -= len(s) / bytesPerCheck
	}
	return r.format.Validate(v) == nil
}

// checkAll holds a value against several rules.
func (c *checker) checkAll(rules []*rule, v any, seen *evaluated) bool {
	ok := true
	for _, r := range rules {
		if !c.check(r, v, seen) {
			if ok = false; c.faults == nil || c.done() {
				return false
			}
		}
	}
	return ok
}

func (c *checker) number(r *rule, n json.Number) bool {
	ok := true
	if r.minimum != "" && value.Compare(n, r.minimum) < 0 {
		ok = c.wrong("must be at least " + string(r.minimum))
	}
	if r.maximum != "" && value.Compare(n, r.maximum) > 0 {
		ok = c.wrong("must be at most " + string(r.maximum))
	}
	if r.above != "" && value.Compare(n, r.above) <= 0 {
		ok = c.wrong("must be more than " + string(r.above))
	}
	if r.below != "" && value.Compare(n, r.below) >= 0 {
		ok = c.wrong("must be less than " + string(r.below))
	}
	if r.multipleOf != nil && (ok || c.faults != nil) {
		if got, read := new(big.Rat).SetString(string(n)); !read || !got.Quo(got, r.multipleOf).IsInt() {
			ok = c.wrong("must be a multiple of " + decimal(r.multipleOf))
		}
	}
	return ok
}

func (c *checker) text(r *rule, s string) bool {
	ok := true
	if r.length != (span{0, unbounded}) {
		if n := utf8.RuneCountInString(s); !r.length.holds(n) {
			ok = c.wrongSize(r.length, n, "character")
		}
	}
	if r.pattern != nil && (ok || c.faults != nil) {
		c.left -= len(s) / bytesPerCheck
		if !r.pattern.MatchString(s) {
			ok = c.wrong(fmt.Sprintf("must match the pattern %q", r.pattern.String()))
		}
	}
	return ok
}

func (c *checker) array(r *rule, list []any, seen *evaluated) bool {
	ok := true
	if !r.size.holds(len(list)) {
		ok = c.wrongSize(r.size, len(list), "item")
	}
	if r.unique && (ok || c.faults != nil) {
		if first, second := duplicates(list); second > 0 {
			ok = c.wrong(fmt.Sprintf("items %d and %d are equal", first, second))
		}
	}
	for i, item := range list {
		if c.done() || (!ok && c.faults == nil) {
			return false
		}
		of := r.items
		if i < len(r.prefix) {
			of = r.prefix[i]
		}
		if of == nil {
			break
		}
		ok = c.inner(of, item, segment{index: i}) && ok
	}
	if seen != nil {
		seen.items = max(seen.items, min(len(r.prefix), len(list)))
		if r.items != nil {
			seen.items = len(list)
		}
	}
	if r.contains != nil && (ok || c.faults != nil) {
		ok = c.containing(r, list, seen) && ok
	}
	return ok
}

// containing counts the items that are what a list must contain.
func (c *checker) containing(r *rule, list []any, seen *evaluated) bool {
	n := 0
	for i, item := range list {
		if c.accepts(r.contains, item, nil) {
			n++
			if seen != nil && r.containsCounts {
				seen.addItem(i)
			}
		}
		if c.exhausted() {
			return false
		}
	}
	switch {
	case n < r.matches.least:
		return c.wrong(fmt.Sprintf("must have at least %s of the kind that it must contain, not %d", count(r.matches.least, "item"), n))
	case n > r.matches.most:
		return c.wrong(fmt.Sprintf("must have at most %s of the kind that it may contain, not %d", count(r.matches.most, "item"), n))
	}
	return true
}

// duplicates returns the indices of the first two items that are equal; zeros if all
// differ.
func duplicates(list []any) (first, second int) {
	known := make(map[string]int, len(list))
	for i, item := range list {
		key := string(canonical(nil, item))
		if earlier, again := known[key]; again {
			return earlier, i
		}
		known[key] = i
	}
	return 0, 0
}

// canonical appends a text that is the same for equal values, and for no others.
func canonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case json.Number:
		return value.AppendNormal(dst, v)
	case []any:
		dst = append(dst, '[')
		for _, item := range v {
			dst = append(canonical(dst, item), ',')
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			dst = append(value.AppendString(dst, name), ':')
			dst = append(canonical(dst, v[name]), ',')
		}
		return append(dst, '}')
	default:
		raw, err := value.Append(dst, v)
		if err != nil {
			return dst // not reached: it was parsed
		}
		return raw
	}
}

// inner holds a value inside the one that is checked against a rule.
func (c *checker) inner(r *rule, v any, at segment) bool {
	if c.faults == nil {
		return c.check(r, v, nil)
	}
	note, unit := c.note, c.unit
	c.path, c.note, c.unit = append(c.path, at), "", ""
	ok := c.check(r, v, nil)
	c.path, c.note, c.unit = c.path[:len(c.path)-1], note, unit
	return ok
}

func (c *checker) object(r *rule, members map[string]any, seen *evaluated) bool {
	ok := true
	if !r.count.holds(len(members)) {
		ok = c.wrongSize(r.count, len(members), "field")
	}
	for _, name := range r.required {
		if _, given := members[name]; given || !ok && c.faults == nil {
			continue
		}
		if ok = false; c.faults != nil && !c.misspelt(r, members, name) {
			c.missing(r, name, fmt.Sprintf("%q is required", name), name)
		}
	}
	if !ok && c.faults == nil {
		return false
	}
	for _, d := range r.dependents {
		if _, given := members[d.name]; given {
			ok = c.dependent(r, d, members, seen) && ok
		}
	}
	if r.members == nil && r.patterns == nil && r.others == nil && !r.closed && r.names == nil {
		return ok
	}
	check := func(name string) bool {
		if r.names != nil && !c.accepts(r.names, name, nil) {
			c.wrongName(name, fmt.Sprintf("%q is not a name that a field may have here", name))
			ok = false
		}
		ok = c.member(r, name, members[name], seen) && ok
		return !c.done() && (ok || c.faults != nil)
	}
	return c.eachMember(members, check) && ok
}

// eachMember calls check for the names of an object until it returns false: in one
// order where faults are looked for, so that each time the same are found.
func (c *checker) eachMember(members map[string]any, check func(name string) bool) bool {
	if c.faults == nil {
		for name := range members {
			if !check(name) {
				return false
			}
		}
		return true
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !check(name) {
			return false
		}
	}
	return true
}

// member checks one member of an object.
func (c *checker) member(r *rule, name string, v any, seen *evaluated) bool {
	ok, said := true, false
	if own, has := r.members[name]; has {
		said = true
		ok = c.inner(own, v, segment{name, -1}) && ok
	}
	for _, p := range r.patterns {
		c.left--
		if p.pattern.MatchString(name) {
			said = true
			ok = c.inner(p.rule, v, segment{name, -1}) && ok
		}
	}
	switch {
	case said:
	case r.closed:
		c.unknown(r, name)
		ok = false
	case r.others != nil:
		said = true
		ok = c.inner(r.others, v, segment{name, -1})
	}
	if seen != nil && said {
		seen.addMember(name)
	}
	return ok
}

// dependent checks what an object must be because of a member that it has.
func (c *checker) dependent(r *rule, d dependent, members map[string]any, seen *evaluated) bool {
	ok := true
	for _, name := range d.required {
		if _, given := members[name]; !given {
			ok = c.missing(r, name, fmt.Sprintf("%q is required where %q is given", name, d.name), "")
		}
	}
	if d.rule != nil {
		ok = c.check(d.rule, members, seen) && ok
	}
	return ok
}

// conditions checks the keywords that combine rules.
func (c *checker) conditions(r *rule, v any, seen *evaluated) bool {
	ok := true
	if r.not != nil && c.accepts(r.not, v, nil) {
		ok = c.wrong("is not allowed")
	}
	if len(r.all) > 0 && (ok || c.faults != nil) {
		ok = c.checkAll(r.all, v, seen) && ok
	}
	if len(r.any) > 0 && (ok || c.faults != nil) {
		ok = c.anyOf(r, v, seen) && ok
	}
	if len(r.one) > 0 && (ok || c.faults != nil) {
		ok = c.oneOf(r, v, seen) && ok
	}
	if r.ifs != nil && (ok || c.faults != nil) {
		branch := r.orElse
		if sub := newSeen(seen); c.accepts(r.ifs, v, sub) {
			branch = r.then
			if seen != nil {
				seen.merge(sub)
			}
		}
		if branch != nil {
			ok = c.check(branch, v, seen) && ok
		}
	}
	return ok
}

// newSeen returns what a branch that may not count notes in; nil where nothing is
// to be noted.
func newSeen(seen *evaluated) *evaluated {
	if seen == nil {
		return nil
	}
	return &evaluated{}
}

func (c *checker) anyOf(r *rule, v any, seen *evaluated) bool {
	matched := false
	for _, branch := range r.any {
		sub := newSeen(seen)
		if !c.accepts(branch, v, sub) {
			continue
		}
		if matched = true; seen == nil {
			return true
		}
		seen.merge(sub) // all that match count
	}
	return matched || c.noBranch(r.any, v)
}

func (c *checker) oneOf(r *rule, v any, seen *evaluated) bool {
	matched := false
	for _, branch := range r.one {
		sub := newSeen(seen)
		if !c.accepts(branch, v, sub) {
			continue
		}
		if matched {
			return c.wrong("must have only one of the forms that exclude each other")
		}
		if matched = true; seen != nil {
			seen.merge(sub)
		}
	}
	return matched || c.noBranch(r.one, v)
}

// rest checks the members and items that no other keyword has said anything of.
func (c *checker) rest(r *rule, v any, seen *evaluated) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		if r.unevaluated == nil || seen.allMembers {
			return true
		}
		check := func(name string) bool {
			switch {
			case seen.members[name]:
			case r.unevaluated.never:
				c.unknown(r, name)
				ok = false
			default:
				ok = c.inner(r.unevaluated, v[name], segment{name, -1}) && ok
			}
			return !c.done() && (ok || c.faults != nil)
		}
		if !c.eachMember(v, check) {
			return false
		}
		seen.allMembers = true
	case []any:
		if r.unevaluatedAt == nil {
			return true
		}
		for i := seen.items; i < len(v); i++ {
			if seen.item[i] {
				continue
			}
			if ok = c.inner(r.unevaluatedAt, v[i], segment{index: i}) && ok; c.done() || (!ok && c.faults == nil) {
				return false
			}
		}
		seen.items = len(v)
	}
	return ok
}
