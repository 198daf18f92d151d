package resource

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
)

// maxExpand is how many levels can be expanded
// (https://docs.stripe.com/api/expanding_objects).
const maxExpand = 4

// Expand puts the objects that "expand" names in the place of their ids, into a copy
// of the result.
func (t *Tx) Expand(result Object, paths []string) (Object, *Refusal) {
	if len(paths) == 0 {
		return result, nil
	}
	result = result.Clone()
	for _, path := range paths {
		parts := strings.Split(path, ".")
		levels := len(parts)
		if isList(result) && parts[0] == "data" {
			levels--
		}
		if levels > maxExpand {
			return nil, Invalid("expand", "", "You cannot expand more than %d levels of a property. Property: %s", maxExpand, path)
		}
		if refusal := t.expand(result, t.env.Mock.Fields(result.Kind()), parts, path); refusal != nil {
			return nil, refusal
		}
	}
	return result, nil
}

func isList(o Object) bool { return o.Kind() == "list" || o.Kind() == "search_result" }

// expand expands a path in an object. Fields describe it.
func (t *Tx) expand(o Object, fields mock.Fields, parts []string, path string) *Refusal {
	name, rest := parts[0], parts[1:]
	if isList(o) && name == "data" {
		if len(rest) == 0 {
			return t.cannotExpand(path)
		}
		for _, one := range o.Objects("data") {
			if refusal := t.expand(one, t.env.Mock.Fields(one.Kind()), rest, path); refusal != nil {
				return refusal
			}
		}
		return nil
	}
	inner, into, ok := fields.Field(name)
	if !ok {
		return t.cannotExpand(path)
	}
	include := t.env.Module.Includes[o.Kind()+"."+name]
	switch {
	case o[name] == nil && include != nil:
		o[name] = plain(clone(include(t, o)))
	case len(rest) == 0 && into == nil && !fields.Includes(name):
		return t.cannotExpand(path)
	}
	return t.expandValue(o, name, inner, into, rest, path)
}

// expandValue expands what a field holds: an id, an object, or a list of them.
func (t *Tx) expandValue(o Object, name string, inner mock.Fields, into, rest []string, path string) *Refusal {
	if list := o.List(name); list != nil {
		for i := range list {
			holder := Object{name: list[i]}
			if refusal := t.expandValue(holder, name, inner, into, rest, path); refusal != nil {
				return refusal
			}
			list[i] = holder[name]
		}
		return nil
	}
	if id, ok := o[name].(string); ok && into != nil {
		found, ok := t.resolve(id, into)
		if !ok {
			return nil
		}
		o[name] = map[string]any(found)
	}
	part := o.Object(name)
	if part == nil || len(rest) == 0 {
		return nil
	}
	if part.Kind() != "" {
		inner = t.env.Mock.Fields(part.Kind())
	}
	return t.expand(part, inner, rest, path)
}

// resolve finds the object of an id among several types.
func (t *Tx) resolve(id string, kinds []string) (Object, bool) {
	for _, have := range t.state.Identify(t.account, id) {
		for _, kind := range kinds {
			if kind == have || strings.TrimPrefix(kind, "deleted_") == have {
				return t.Find(have, id)
			}
		}
	}
	return nil, false
}

func (t *Tx) cannotExpand(path string) *Refusal {
	return Invalid("expand", "", "This property cannot be expanded (%s).", path)
}
