package condition

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// headersRoot is the root whose names are written in any case; the scope keeps
// them in lower case, see [template.Scope].
const headersRoot = "headers"

// miss says where a chain led nowhere: at its base, or at a link by its
// index.
type miss int

const (
	found    miss = -2
	missBase miss = -1
)

func (n *chain) eval(e evaluation) (any, error) {
	v, miss, err := n.walk(e)
	if err != nil || miss == found {
		return v, err
	}
	return nil, missing(n.start, n.absence(e, miss, v))
}

// absence explains a miss; at is the value in which the link found nothing.
func (n *chain) absence(e evaluation, miss miss, at any) error {
	if miss == missBase {
		if n.expr != nil {
			_, err := n.expr.Value(e.scope)
			return err
		}
		return &template.MissingError{Path: n.root, Reason: fmt.Sprintf("there is no %q here", n.root)}
	}
	l := &n.links[miss]
	before := n.base
	if miss > 0 {
		before = n.links[miss-1].span
	}
	name := e.text(before)
	seg := value.Segment{Key: l.name}
	if l.kind == linkIndex {
		index, err := l.index.eval(e)
		if err != nil {
			return err
		}
		if seg, _, err = l.segment(e, index); err != nil {
			return err
		}
	}
	reason := seg.Absence(name, at)
	if l.kind == linkCall {
		reason = name + " is null"
	}
	return &template.MissingError{Path: e.text(l.span), Reason: reason}
}

// walk follows the chain. If it leads nowhere, miss says where, and v is the
// value reached before. From a ?. on, whatever is missing makes the result
// null; so does a null, or a link that leads nowhere, right before the ?.
func (n *chain) walk(e evaluation) (v any, missed miss, err error) {
	missed = found
	switch {
	case n.inner != nil:
		if v, err = n.inner.eval(e); err != nil {
			return nil, found, err
		}
	case n.expr != nil:
		if v, err = n.expr.Value(e.scope); err != nil {
			v, missed = nil, missBase
		}
	default:
		var ok bool
		if v, ok = e.scope.Root(n.root); !ok {
			missed = missBase
		}
	}
	covered := false
	for i := range n.links {
		l := &n.links[i]
		covered = covered || l.optional
		if covered && (v == nil || missed != found) {
			return nil, found, nil
		}
		if missed != found {
			return v, missed, nil
		}
		next, ok, err := n.follow(e, i, v)
		switch {
		case err != nil:
			return nil, found, err
		case ok:
			v = next
		default:
			missed = miss(i)
		}
	}
	if covered && missed != found {
		return nil, found, nil
	}
	return v, missed, nil
}

// follow takes link i from v; ok is false if it leads nowhere.
func (n *chain) follow(e evaluation, i int, v any) (next any, ok bool, err error) {
	l := &n.links[i]
	seg := value.Segment{Key: l.name}
	switch l.kind {
	case linkCall:
		if v == nil {
			return nil, false, nil
		}
		next, err = n.call(e, i, v)
		return next, err == nil, err
	case linkIndex:
		index, err := l.index.eval(e)
		if err != nil {
			return nil, false, err
		}
		if seg, ok, err = l.segment(e, index); err != nil || !ok {
			return nil, false, err
		}
	case linkMember:
		if l.name == "length" {
			if size, ok := length(v); ok {
				return size, true, nil
			}
		}
	}
	if i == 0 && n.root == headersRoot {
		seg.Key = strings.ToLower(seg.Key)
	}
	next, ok = value.Lookup(v, value.Path{seg})
	return next, ok, nil
}

// segment turns the value of an index into a segment; ok is false for a
// number that is no index of any array.
func (l *link) segment(e evaluation, index any) (seg value.Segment, ok bool, err error) {
	if key, ok := index.(string); ok {
		return value.Segment{Key: key}, true, nil
	}
	number, ok := value.AsNumber(index)
	if !ok {
		return seg, false, &Error{
			Offset:  l.index.place().start,
			Message: "an index must be a number or a string, and " + e.is(l.index, index),
		}
	}
	i, ok := value.Index(number)
	return value.Segment{Index: i, IsIndex: true}, ok, nil
}

// length is what .length gives: elements of an array, UTF-16 units of a
// string, as in JavaScript.
func length(v any) (int, bool) {
	switch v := v.(type) {
	case []any:
		return len(v), true
	case string:
		n := 0
		for _, r := range v {
			n++
			if r > 0xffff {
				n++
			}
		}
		return n, true
	}
	return 0, false
}
