package condition

import (
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// node is a part of a compiled condition. Nodes are not changed once made.
type node interface {
	// place returns where the part stands in the source.
	place() span
	// kinds returns what the part can evaluate to, if known says that of paths.
	kinds(known Known) value.Kinds
	// parts returns the parts that it is made of.
	parts() []node
	// eval returns the part's value, shared with the scope.
	eval(e evaluation) (any, error)
}

// span is src[start:end].
type span struct{ start, end int }

func (s span) place() span { return s }

var (
	_ node = (*literal)(nil)
	_ node = (*list)(nil)
	_ node = (*chain)(nil)
	_ node = (*not)(nil)
	_ node = (*logical)(nil)
	_ node = (*coalesce)(nil)
	_ node = (*equality)(nil)
	_ node = (*ordering)(nil)
	_ node = (*membership)(nil)
	_ node = (*choice)(nil)
)

type (
	// literal is a string, number, boolean or null.
	literal struct {
		span
		value any
	}

	// list is [a, b].
	list struct {
		span
		elements []node
	}

	// chain is an operand and what follows it: payload.items[0].name.length.
	// Its base is a root, a placeholder or any other node.
	chain struct {
		span
		root  string
		expr  *template.Expr
		inner node
		base  span // where the base stands
		links []link
	}

	// not is !a.
	not struct {
		span
		operand node
	}

	// logical is a && b or a || b.
	logical struct {
		span
		or          bool
		left, right node
	}

	// coalesce is a ?? b.
	coalesce struct {
		span
		left, right node
	}

	// equality is a === b or a !== b.
	equality struct {
		span
		negated     bool
		left, right node
	}

	// ordering is a < b, a <= b, a > b or a >= b.
	ordering struct {
		span
		operator    tokenKind
		left, right node
	}

	// membership is a in b.
	membership struct {
		span
		left, right node
	}

	// choice is a ? b : c.
	choice struct {
		span
		test, yes, no node
	}
)

// link is one step of a chain. Its span reaches from the start of the chain to
// the end of the step, so that it reads as the path so far.
type link struct {
	span
	kind     linkKind
	optional bool   // after ?.
	name     string // linkMember: the key; linkCall: the method
	index    node   // linkIndex
	method   method // linkCall
	arg      node   // linkCall, nil if the method takes none
}

type linkKind uint8

const (
	linkMember linkKind = iota // .name
	linkIndex                  // [index]
	linkCall                   // .name(args)
)
