package condition

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/sdk/value"
)

// method is what can be called on a value. None makes more than it is given.
type method struct {
	args   int // 0 or 1
	result value.Kind
	// apply computes the result for a string.
	apply func(s, arg string) any
}

func methodNames() []string {
	return []string{"startsWith", "endsWith", "includes", "toLowerCase"}
}

func methodNamed(name string) (method, bool) {
	switch name {
	case "startsWith":
		return method{1, value.KindBool, func(s, arg string) any { return strings.HasPrefix(s, arg) }}, true
	case "endsWith":
		return method{1, value.KindBool, func(s, arg string) any { return strings.HasSuffix(s, arg) }}, true
	case "includes":
		return method{1, value.KindBool, func(s, arg string) any { return strings.Contains(s, arg) }}, true
	case "toLowerCase":
		return method{0, value.KindString, func(s, _ string) any { return strings.ToLower(s) }}, true
	}
	return method{}, false
}

// call calls the method of link i on v.
func (n *chain) call(e evaluation, i int, v any) (any, error) {
	l := &n.links[i]
	before := n.base
	if i > 0 {
		before = n.links[i-1].span
	}
	var arg any
	if l.arg != nil {
		var err error
		if arg, err = l.arg.eval(e); err != nil {
			return nil, err
		}
	}
	if list, ok := v.([]any); ok && l.name == "includes" {
		return contains(list, arg), nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, &Error{Offset: n.start, Message: fmt.Sprintf("%s needs a string, and %s is %s", l.name, e.text(before), value.KindOf(v))}
	}
	if l.arg == nil {
		if len(s) > MaxString {
			return nil, &Error{Offset: n.start, Message: fmt.Sprintf("%s takes strings of at most %d bytes, and %s is longer", l.name, MaxString, e.text(before))}
		}
		return l.method.apply(s, ""), nil
	}
	text, ok := arg.(string)
	if !ok {
		return nil, &Error{Offset: l.arg.place().start, Message: l.name + " takes a string, and " + e.is(l.arg, arg)}
	}
	return l.method.apply(s, text), nil
}
