package schema

import (
	"maps"
	"slices"

	"github.com/backflow/backflow/sdk/value"
)

// Presence says what a schema says of a member or item.
type Presence uint8

// What a schema can say of a member or item.
const (
	// Open says nothing of it, so that it may be there.
	Open Presence = iota
	// Declared names it.
	Declared
	// Impossible says that it is never there.
	Impossible
)

// Place is what a schema says of one place in the values that meet it. The zero Place
// is one of which nothing is known. It is immutable.
type Place struct {
	// ways are the alternatives: a value there meets all rules of at least one.
	ways []way
}

// way is a set of rules that hold together.
type way []*rule

// maxWays bounds the alternatives that are followed. Of more nothing is known.
const maxWays = 64

// Root returns the place of the whole value.
func (s *Schema) Root() Place { return placeOf(way{s.root}) }

// placeOf returns the place at which all rules hold, with those that they refer to.
func placeOf(rules way) Place {
	e := expansion{ways: []way{nil}}
	for _, r := range rules {
		if e.add(r, 0); len(e.ways) > maxWays {
			return Place{}
		}
	}
	return Place(e)
}

// expansion replaces references and alternatives by what they stand for.
type expansion struct{ ways []way }

func (e *expansion) add(r *rule, depth int) {
	const deepest = 32
	if len(e.ways) > maxWays || depth > deepest {
		return
	}
	for i := range e.ways {
		if slices.Contains(e.ways[i], r) {
			continue
		}
		e.ways[i] = append(slices.Clip(e.ways[i]), r)
	}
	for _, other := range slices.Concat(r.refs, r.all) {
		e.add(other, depth+1)
	}
	for _, branches := range [][]*rule{r.any, r.one} {
		if len(branches) == 0 {
			continue
		}
		var all []way
		for _, branch := range branches {
			sub := expansion{ways: slices.Clone(e.ways)}
			if sub.add(branch, depth+1); len(all)+len(sub.ways) > maxWays {
				e.ways = make([]way, maxWays+1)
				return
			}
			all = append(all, sub.ways...)
		}
		e.ways = all
	}
}

// known reports whether anything is known of the place.
func (p Place) known() bool { return len(p.ways) > 0 }

// Kinds returns the kinds of values that may be there.
func (p Place) Kinds() value.Kinds {
	if !p.known() {
		return value.AnyKind
	}
	var all value.Kinds
	for _, w := range p.ways {
		all |= w.kinds()
	}
	return all
}

func (w way) kinds() value.Kinds {
	all := value.AnyKind
	for _, r := range w {
		all &= r.valueKinds()
	}
	return all
}

// valueKinds returns the kinds of package value that a rule allows by its type or its
// list of values.
func (r *rule) valueKinds() value.Kinds {
	if r.never {
		return 0
	}
	var all value.Kinds
	for kind, of := range map[value.Kind]kinds{
		value.KindNull: null, value.KindBool: boolean, value.KindNumber: integer | fraction,
		value.KindString: text, value.KindArray: array, value.KindObject: object,
	} {
		if r.kinds&of != 0 {
			all |= value.OneKind(kind)
		}
	}
	if r.enum == nil {
		return all
	}
	var listed value.Kinds
	for _, v := range r.enum {
		listed |= value.OneKind(value.KindOf(v))
	}
	return all & listed
}

// Names returns the names of the members that the schema declares there, sorted.
func (p Place) Names() []string {
	names := make(map[string]bool)
	for _, w := range p.ways {
		for _, r := range w {
			for _, name := range r.memberNames() {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Step returns the place of a member or item, and whether it may be there.
func (p Place) Step(seg value.Segment) (Place, Presence) {
	if !p.known() {
		return Place{}, Open
	}
	var next Place
	presence, unknown := Impossible, false
	for _, w := range p.ways {
		rules, of := w.step(seg)
		switch {
		case of == Impossible:
			continue
		case of == Declared || presence == Impossible:
			presence = of
		}
		inner := placeOf(rules)
		unknown = unknown || len(rules) == 0 || !inner.known()
		next.ways = append(next.ways, inner.ways...)
	}
	if unknown || len(next.ways) > maxWays {
		next = Place{}
	}
	return next, presence
}

// step returns the rules for a member or item of the values that meet all of some
// rules.
func (w way) step(seg value.Segment) (rules way, presence Presence) {
	if seg.IsIndex {
		return w.item(seg.Index)
	}
	if !w.kinds().Has(value.KindObject) {
		return nil, Impossible
	}
	presence = Open
	closed, conditional := false, false
	for _, r := range w {
		own := r.memberRules(seg.Key)
		conditional = conditional || r.ifs != nil || len(r.dependents) > 0
		switch {
		case len(own) > 0:
			presence = Declared
		case r.closed:
			return nil, Impossible
		case r.others != nil:
			own = []*rule{r.others}
		}
		closed = closed || r.unevaluated != nil && r.unevaluated.never
		rules = append(rules, own...)
	}
	// What conditions declare counts as there, and is not followed.
	if conditional && presence == Open && slices.Contains(Place{[]way{w}}.Names(), seg.Key) {
		return nil, Declared
	}
	if closed && presence == Open && len(rules) == 0 || slices.ContainsFunc(rules, func(r *rule) bool { return r.never }) {
		return nil, Impossible
	}
	return rules, presence
}

// memberRules returns the rules of a member by its name.
func (r *rule) memberRules(name string) []*rule {
	var rules []*rule
	if own, has := r.members[name]; has {
		rules = append(rules, own)
	}
	for _, p := range r.patterns {
		if p.pattern.MatchString(name) {
			rules = append(rules, p.rule)
		}
	}
	return rules
}

func (w way) item(i int) (rules way, presence Presence) {
	if !w.kinds().Has(value.KindArray) {
		return nil, Impossible
	}
	presence = Open
	for _, r := range w {
		of := r.items
		if i < len(r.prefix) {
			of = r.prefix[i]
		}
		if i >= r.size.most || of != nil && of.never {
			return nil, Impossible
		}
		if of != nil {
			rules, presence = append(rules, of), Declared
		}
	}
	return rules, presence
}

// Each returns the place of the items of a list behind those that the schema names
// one by one.
func (p Place) Each() Place {
	prefix := 0
	for _, w := range p.ways {
		for _, r := range w {
			prefix = max(prefix, len(r.prefix))
		}
	}
	if prefix > 0 {
		return Place{} // each has a schema of its own
	}
	next, _ := p.Step(value.Segment{IsIndex: true})
	return next
}
