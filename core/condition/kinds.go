package condition

import (
	"encoding/json"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// Known says what is known of paths before there are data: of what kinds the value
// can be that a path leads to. It is asked for the whole of a path without a computed
// index.
type Known func(template.Ref) value.Kinds

// nothing knows nothing of paths.
func nothing(template.Ref) value.Kinds { return value.AnyKind }

var isBoolean = value.OneKind(value.KindBool)

func (n *literal) kinds(Known) value.Kinds      { return value.OneKind(value.KindOf(n.value)) }
func (*list) kinds(Known) value.Kinds           { return value.OneKind(value.KindArray) }
func (*not) kinds(Known) value.Kinds            { return isBoolean }
func (*logical) kinds(Known) value.Kinds        { return isBoolean }
func (*equality) kinds(Known) value.Kinds       { return isBoolean }
func (*ordering) kinds(Known) value.Kinds       { return isBoolean }
func (*membership) kinds(Known) value.Kinds     { return isBoolean }
func (n *choice) kinds(known Known) value.Kinds { return n.yes.kinds(known) | n.no.kinds(known) }

// kinds leaves out the null of the left side, which the right one replaces.
func (n *coalesce) kinds(known Known) value.Kinds {
	return n.left.kinds(known)&^value.OneKind(value.KindNull) | n.right.kinds(known)
}

// kinds is what the last link gives. From a ?. on, whatever is missing is null.
func (n *chain) kinds(known Known) value.Kinds {
	kinds := n.upTo(known, len(n.links))
	for i := range n.links {
		if n.links[i].optional {
			kinds |= value.OneKind(value.KindNull)
		}
	}
	return kinds
}

// upTo returns the kinds that the first links of the chain can lead to.
func (n *chain) upTo(known Known, links int) value.Kinds {
	if links == 0 {
		return n.baseKinds(known)
	}
	switch l := &n.links[links-1]; {
	case l.kind == linkCall:
		return value.OneKind(l.method.result)
	case l.kind == linkMember && l.name == "length" && !n.upTo(known, links-1).Has(value.KindObject):
		return value.OneKind(value.KindNumber)
	}
	if ref, ok := n.ref(links); ok {
		return known(ref)
	}
	return value.AnyKind
}

func (n *chain) baseKinds(known Known) value.Kinds {
	switch {
	case n.inner != nil:
		return n.inner.kinds(known)
	case n.expr != nil:
		return n.expr.Kinds(known)
	}
	ref, _ := n.ref(0)
	return known(ref)
}

// ref returns the path of the first links of a chain; ok is false if it is no path.
func (n *chain) ref(links int) (ref template.Ref, ok bool) {
	if n.root == "" {
		if n.expr == nil {
			return ref, false
		}
		refs := n.expr.Refs()
		if !n.expr.IsPath() {
			return ref, false
		}
		ref = refs[0]
	} else {
		ref = template.Ref{Root: n.root, Offset: n.base.start}
	}
	path := ref.Path[:len(ref.Path):len(ref.Path)]
	for i := range n.links[:links] {
		seg, static := n.links[i].static()
		if !static {
			return ref, false
		}
		path = append(path, seg)
	}
	ref.Path = path
	return ref, true
}

func (*literal) parts() []node { return nil }
func (n *list) parts() []node  { return n.elements }

func (n *chain) parts() []node {
	var parts []node
	if n.inner != nil {
		parts = append(parts, n.inner)
	}
	for i := range n.links {
		if n.links[i].index != nil {
			parts = append(parts, n.links[i].index)
		}
		if n.links[i].arg != nil {
			parts = append(parts, n.links[i].arg)
		}
	}
	return parts
}

func (n *not) parts() []node        { return []node{n.operand} }
func (n *logical) parts() []node    { return []node{n.left, n.right} }
func (n *coalesce) parts() []node   { return []node{n.left, n.right} }
func (n *equality) parts() []node   { return []node{n.left, n.right} }
func (n *ordering) parts() []node   { return []node{n.left, n.right} }
func (n *membership) parts() []node { return []node{n.left, n.right} }
func (n *choice) parts() []node     { return []node{n.test, n.yes, n.no} }

// isIndex reports whether a literal can be an index: not a number below zero or with
// a fraction.
func isIndex(n node) bool {
	l, ok := n.(*literal)
	if !ok {
		return true
	}
	number, ok := l.value.(json.Number)
	if !ok {
		return true
	}
	_, ok = value.Index(number)
	return ok
}
