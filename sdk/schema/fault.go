package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
)

// maxFaults is how many faults of a value are looked for. What lies behind the
// fiftieth is not read.
const maxFaults = 50

// Fault is one rule that a value breaks.
type Fault struct {
	// Pointer is the JSON Pointer (RFC 6901) of what is wrong.
	Pointer string
	// Message says what is wrong. It quotes the schema and names, never a value.
	Message string
	// Hint is what the schema itself says of the value, its description or an
	// example; it may be empty.
	Hint string
}

// faultList gathers faults until there are enough.
type faultList struct {
	open   func(pointer string) bool // see [Schema.OpenFaults]; nil: nothing is
	branch int                       // how many alternatives are around
	found  []found
}

// found is a fault with what the choice between alternatives needs to know.
type found struct {
	Fault
	depth int // in the value
	// words are what would have been accepted in place of a value that is rejected
	// as a whole, since it has another type or is not one of the listed values. got is
	// its type where that is wrong.
	words []string
	got   string
	// lacks is the member that is missing, where that alone is the fault.
	lacks string
}

func (l *faultList) full() bool { return len(l.found) >= maxFaults }

func (l *faultList) add(f found) {
	if l.full() || slices.ContainsFunc(l.found, func(other found) bool {
		return other.Pointer == f.Pointer && other.Message == f.Message // two parts of a schema may ask for the same
	}) {
		return
	}
	l.found = append(l.found, f)
}

// pointer is the JSON Pointer of what is checked, or of something in it.
func (c *checker) pointer(names ...string) string {
	var at strings.Builder
	for _, s := range c.path {
		at.WriteString(pointer.Join("", s.String()))
	}
	return pointer.Join(at.String(), names...)
}

// report adds a fault of the value that is checked. It returns false, as checks do.
func (c *checker) report(f found) bool {
	if c.faults == nil || c.faults.full() {
		return false
	}
	f.depth, f.Pointer = len(c.path), c.pointer()
	c.left -= checksPerFault + f.depth
	if f.Hint == "" {
		f.Hint = c.note
	}
	if c.faults.open == nil || !c.faults.open(f.Pointer) {
		c.faults.add(f)
	}
	return false
}

func (c *checker) wrong(text string) bool {
	return c.report(found{Fault: Fault{Message: text}})
}

func (c *checker) wrongType(r *rule, kind kinds) bool {
	if c.faults == nil {
		return false
	}
	want, got := typeList(r.kinds.names()), gotType(kind, r.kinds)
	return c.report(found{Fault: Fault{Message: c.mustBe([]string{want}, got)}, words: []string{want}, got: got})
}

// mustBe says what is wanted, what was given instead, if that is known, and of an
// integer what it counts.
func (c *checker) mustBe(want []string, got string) string {
	text := "must be " + strings.Join(want, " or ")
	if got != "" {
		text += ", not " + got
	}
	if got == withFraction && c.unit != "" {
		text += ": " + c.unit
	}
	return text
}

func (c *checker) wrongValue(r *rule) bool {
	if c.faults == nil {
		return false
	}
	want := oneOf(r.enum)
	return c.report(found{Fault: Fault{Message: "must be " + want}, words: []string{want}})
}

// wrongSize reports a length that is outside of a range.
func (c *checker) wrongSize(allowed span, n int, of string) bool {
	if c.faults == nil {
		return false
	}
	if n < allowed.least {
		return c.report(found{Fault: Fault{Message: fmt.Sprintf("must have at least %s, not %d", count(allowed.least, of), n)}})
	}
	return c.report(found{Fault: Fault{Message: fmt.Sprintf("must have at most %s, not %d", count(allowed.most, of), n)}})
}

// misspelt reports whether a member that is missing is there under an unknown name that
// is like it: that is reported, and is the cause.
func (c *checker) misspelt(r *rule, members map[string]any, missing string) bool {
	if !r.closed || len(members) > maxFaults {
		return false
	}
	known := r.memberNames()
	for name := range members {
		if len(r.memberRules(name)) == 0 && suggest.Nearest(name, known) == missing {
			return true
		}
	}
	return false
}

// missing reports a member that is not there; lacks is its name where it is all that is
// wanted, and else empty.
func (c *checker) missing(r *rule, name, text, lacks string) bool {
	if c.faults == nil || c.faults.full() {
		return false
	}
	f := found{Fault: Fault{Pointer: c.pointer(name), Message: text}, depth: len(c.path) + 1, lacks: lacks}
	c.left -= checksPerFault + f.depth
	if member := r.members[name]; member != nil {
		f.Hint = member.noteOf()
	}
	if c.faults.open == nil || !c.faults.open(f.Pointer) {
		c.faults.add(f)
	}
	return false
}

// wrongName reports the name of a member, which does not depend on the member's
// value. But which alternative was meant may depend on it.
func (c *checker) wrongName(name, text string) {
	if c.faults == nil || c.faults.full() {
		return
	}
	c.left -= checksPerFault + len(c.path)
	at := c.pointer(name)
	if c.faults.open == nil || c.faults.branch == 0 || !c.faults.open(at) {
		c.faults.add(found{Fault: Fault{Pointer: at, Message: text}, depth: len(c.path) + 1})
	}
}

// unknown reports a member that the schema has no place for.
func (c *checker) unknown(r *rule, name string) {
	if c.faults == nil || c.faults.full() {
		return
	}
	text := fmt.Sprintf("unknown field %q", name)
	if near := suggest.Nearest(name, r.memberNames()); near != "" {
		text += fmt.Sprintf(" (did you mean %q?)", near)
	}
	c.wrongName(name, text)
}

// memberNames returns the names of the members that a rule and those for the same
// value know, sorted.
func (r *rule) memberNames() []string {
	names, visited := make(map[string]bool), make(map[*rule]bool)
	var visit func(*rule)
	visit = func(r *rule) {
		if visited[r] {
			return
		}
		visited[r] = true
		for name := range r.members {
			names[name] = true
		}
		for _, other := range r.sameValue() {
			visit(other)
		}
	}
	visit(r)
	return slices.Sorted(maps.Keys(names))
}

// noBranch reports that a value meets none of several alternatives: the faults of
// the one that was probably meant. Of those that take a value of this kind, that is
// the one whose faults are deepest, and of these the one with the fewest: a caller
// who wrote items[0].prise means the alternative with items.
func (c *checker) noBranch(branches []*rule, v any) bool {
	if c.faults == nil || c.done() {
		return false
	}
	var best []found
	var bestDepth int
	var words []string
	var got string
	var lacking []string // the members that alone are missing in an alternative
	refused, ignored := 0, false
	for _, branch := range branches {
		list := &faultList{open: c.faults.open, branch: c.faults.branch + 1}
		sub := checker{left: c.left, faults: list, path: c.path, note: c.note, unit: c.unit}
		sub.check(branch, v, nil)
		c.left = sub.left
		if c.exhausted() {
			return false
		}
		if len(list.found) == 0 { // all that is wrong with it is open
			ignored = true
			continue
		}
		other, depth := false, 0
		for _, f := range list.found {
			depth = max(depth, f.depth)
			if f.depth != len(c.path) || f.words == nil {
				continue
			}
			other = true
			for _, word := range f.words {
				if !slices.Contains(words, word) {
					words = append(words, word)
				}
			}
			if f.got != "" {
				got = f.got
			}
		}
		if !other {
			refused++
			if only := list.found[0]; len(list.found) == 1 && only.lacks != "" && only.depth == len(c.path)+1 {
				lacking = append(lacking, strconv.Quote(only.lacks))
			}
		}
		if !other && (best == nil || depth > bestDepth || depth == bestDepth && len(list.found) < len(best)) {
			best, bestDepth = list.found, depth
		}
	}
	switch {
	case ignored:
	case len(lacking) > 1 && len(lacking) == refused:
		best[0].Message = strings.Join(slices.Compact(lacking), " or ") + " is required"
		c.faults.add(best[0])
	case best != nil:
		for _, f := range best {
			c.faults.add(f)
		}
	default:
		c.report(found{Fault: Fault{Message: c.mustBe(words, got)}, words: words, got: got})
	}
	return false
}
