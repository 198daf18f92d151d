package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// Finding is something in a condition that cannot be meant.
type Finding struct {
	template.Fault
	// Constant says that the condition works, but a comparison in it has always the
	// same result; else it can only fail.
	Constant bool
}

// Check returns what in the condition can only fail, or has always the same result,
// with what is known of paths, by their offsets.
func (c *Condition) Check(known Known) []Finding {
	k := kindCheck{evaluation: evaluation{src: c.src}, known: known}
	k.boolean(c.root, "a condition")
	k.node(c.root)
	slices.SortStableFunc(k.findings, func(a, b Finding) int { return a.Offset - b.Offset })
	return k.findings
}

// kindCheck looks for operations that no value of the kinds at hand is for.
type kindCheck struct {
	evaluation
	known    Known
	findings []Finding
}

func (k *kindCheck) fault(at int, hint, format string, args ...any) {
	k.findings = append(k.findings, Finding{Fault: template.Fault{Offset: at, Message: fmt.Sprintf(format, args...), Hint: hint}})
}

// is says of what kinds a part is: "payload.amount is a string".
func (k *kindCheck) is(n node) string {
	return k.text(n.place()) + " is " + n.kinds(k.known).String()
}

// boolean checks what must be a boolean. What is not known to be none may be one.
func (k *kindCheck) boolean(n node, what string) {
	if kinds := n.kinds(k.known); kinds != 0 && !kinds.Has(value.KindBool) {
		err := notBoolean(n.place().start, what, k.is(n))
		k.fault(err.Offset, err.Hint, "%s", err.Message)
	}
}

// node checks a part and those in it.
func (k *kindCheck) node(n node) {
	switch n := n.(type) {
	case *literal:
		k.quoted(n)
	case *chain:
		k.chain(n)
	case *not:
		k.boolean(n.operand, "what ! negates")
	case *logical:
		what := "each side of &&"
		if n.or {
			what = "each side of ||"
		}
		k.boolean(n.left, what)
		k.boolean(n.right, what)
	case *choice:
		k.boolean(n.test, "what stands before ?")
	case *equality:
		k.equality(n)
	case *ordering:
		k.ordering(n)
	case *membership:
		k.membership(n)
	}
	for _, part := range n.parts() {
		k.node(part)
	}
}

// quoted finds a placeholder in quotes, which is text like any other.
func (k *kindCheck) quoted(n *literal) {
	text, ok := n.value.(string)
	if !ok {
		return
	}
	_, after, opened := strings.Cut(text, "{{")
	inner, _, closed := strings.Cut(after, "}}")
	if opened && closed {
		k.fault(n.start, "without the quotes: {{"+inner+"}}", "a placeholder in quotes is text, and nothing is put in its place")
	}
}

func (k *kindCheck) equality(n *equality) {
	left, right := n.left.kinds(k.known), n.right.kinds(k.known)
	isNull := value.OneKind(value.KindNull)
	if left == 0 || right == 0 || left&right != 0 || left == isNull || right == isNull {
		return
	}
	always := "false"
	if n.negated {
		always = "true"
	}
	k.fault(n.start, "values of different kinds are never equal: 5 is not '5'", "the comparison is always %s: %s, and %s", always, k.is(n.left), k.is(n.right))
	k.findings[len(k.findings)-1].Constant = k.depends(n.left) || k.depends(n.right)
}

// depends reports whether a part depends on data.
func (k *kindCheck) depends(n node) bool {
	if c, ok := n.(*chain); ok && (c.root != "" || c.expr != nil && len(c.expr.Refs()) > 0) {
		return true
	}
	return slices.ContainsFunc(n.parts(), k.depends)
}

func (k *kindCheck) ordering(n *ordering) {
	left, right := n.left.kinds(k.known), n.right.kinds(k.known)
	both := left & right & (value.OneKind(value.KindNumber) | value.OneKind(value.KindString))
	if left != 0 && right != 0 && both == 0 {
		var are []string
		for _, side := range []node{n.left, n.right} {
			if side.kinds(k.known) != value.AnyKind {
				are = append(are, k.is(side))
			}
		}
		k.fault(n.start, "", "%s compares two numbers or two strings, and %s", n.operator, strings.Join(are, ", "))
	}
}

func (k *kindCheck) membership(n *membership) {
	in := n.right.kinds(k.known)
	switch {
	case in == 0:
	case in&(value.OneKind(value.KindArray)|value.OneKind(value.KindObject)) == 0:
		k.fault(n.start, "text in a string is found by includes", "in looks into an array or an object, and %s", k.is(n.right))
	case in == value.OneKind(value.KindObject) && !n.left.kinds(k.known).Has(value.KindString):
		k.fault(n.start, "", "the key sought in an object must be a string, and %s", k.is(n.left))
	}
}

// chain checks methods and indices.
func (k *kindCheck) chain(n *chain) {
	for i := range n.links {
		l := &n.links[i]
		before, at := n.upTo(k.known, i), n.base
		if i > 0 {
			at = n.links[i-1].span
		}
		switch {
		case before == 0:
		case l.kind == linkCall:
			k.call(n, l, before, k.text(at))
		case l.kind == linkIndex && !isIndex(l.index):
			k.fault(l.index.place().start, "", "an index is an integer from 0 on, and %s is none", k.text(l.index.place()))
		case l.kind == linkIndex && l.index.kinds(k.known)&(value.OneKind(value.KindNumber)|value.OneKind(value.KindString)) == 0:
			k.fault(l.index.place().start, "", "an index must be a number or a string, and %s", k.is(l.index))
		case l.optional || l.name == "length" && before.Has(value.KindString):
		case before&(value.OneKind(value.KindArray)|value.OneKind(value.KindObject)) == 0:
			k.fault(n.start, "", "%s has no members: it is %s", k.text(at), before)
		}
	}
}

// call checks one call of a method.
func (k *kindCheck) call(n *chain, l *link, on value.Kinds, receiver string) {
	list := l.name == "includes" && on.Has(value.KindArray)
	if !on.Has(value.KindString) && !list && !l.optional {
		k.fault(n.start, "", "%s needs a string, and %s is %s", l.name, receiver, on)
		return
	}
	if l.arg != nil && !list && !l.arg.kinds(k.known).Has(value.KindString) && l.arg.kinds(k.known) != 0 {
		k.fault(l.arg.place().start, "", "%s takes a string, and %s", l.name, k.is(l.arg))
	}
}
