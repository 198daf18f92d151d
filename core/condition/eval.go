package condition

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/sdk/value"
)

func (n *literal) eval(evaluation) (any, error) { return n.value, nil }

func (n *list) eval(e evaluation) (any, error) {
	list := make([]any, len(n.elements))
	for i, el := range n.elements {
		v, err := el.eval(e)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func (n *not) eval(e evaluation) (any, error) {
	b, err := e.boolean(n.operand, "what ! negates")
	return !b, err
}

func (n *logical) eval(e evaluation) (any, error) {
	what := "each side of &&"
	if n.or {
		what = "each side of ||"
	}
	b, err := e.boolean(n.left, what)
	if err != nil || b == n.or {
		return b, err
	}
	return e.boolean(n.right, what)
}

func (n *choice) eval(e evaluation) (any, error) {
	b, err := e.boolean(n.test, "what stands before ?")
	if err != nil {
		return nil, err
	}
	if b {
		return n.yes.eval(e)
	}
	return n.no.eval(e)
}

func (n *coalesce) eval(e evaluation) (any, error) {
	v, err := e.covered(n.left)
	if err != nil || v != nil {
		return v, err
	}
	return n.right.eval(e)
}

// covered evaluates the left side of a ??: a path that leads nowhere is null.
// A path inside a larger part, as in (a === b) ?? c, is not covered.
func (e evaluation) covered(n node) (any, error) {
	switch n := n.(type) {
	case *chain:
		v, miss, err := n.walk(e)
		if miss != found {
			v = nil
		}
		return v, err
	case *coalesce:
		v, err := e.covered(n.left)
		if err != nil || v != nil {
			return v, err
		}
		return e.covered(n.right)
	}
	return n.eval(e)
}

func (n *equality) eval(e evaluation) (any, error) {
	left, right, err := e.both(n.left, n.right)
	if err != nil {
		return nil, err
	}
	return value.Equal(left, right) != n.negated, nil
}

func (e evaluation) both(left, right node) (l, r any, err error) {
	if l, err = left.eval(e); err != nil {
		return nil, nil, err
	}
	r, err = right.eval(e)
	return l, r, err
}

func (n *ordering) eval(e evaluation) (any, error) {
	left, right, err := e.both(n.left, n.right)
	if err != nil {
		return nil, err
	}
	order, ok := compare(left, right)
	if !ok {
		return nil, &Error{
			Offset:  n.start,
			Message: fmt.Sprintf("%s compares two numbers or two strings, and %s, %s", n.operator, e.is(n.left, left), e.is(n.right, right)),
		}
	}
	switch n.operator {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

// compare orders two numbers, or two strings by their code points.
func compare(a, b any) (order int, ok bool) {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return strings.Compare(s, t), ok
	}
	x, ok := value.AsNumber(a)
	if !ok {
		return 0, false
	}
	y, ok := value.AsNumber(b)
	return value.Compare(x, y), ok
}

func (n *membership) eval(e evaluation) (any, error) {
	left, right, err := e.both(n.left, n.right)
	if err != nil {
		return nil, err
	}
	switch in := right.(type) {
	case []any:
		return contains(in, left), nil
	case map[string]any:
		if key, ok := left.(string); ok {
			_, ok = in[key]
			return ok, nil
		}
		return nil, &Error{Offset: n.start, Message: "the key sought in an object must be a string, and " + e.is(n.left, left)}
	}
	err = &Error{
		Offset:  n.start,
		Message: "in looks into an array or an object, and " + e.is(n.right, right),
		Hint:    "text in a string is found by includes",
	}
	return nil, err
}

func contains(list []any, v any) bool {
	for _, el := range list {
		if value.Equal(el, v) {
			return true
		}
	}
	return false
}
