package config

import (
	"slices"

	"github.com/backflow/backflow/sdk/suggest"
)

// schema declares a value that is decoded into a T. decode changes into only
// where the value has no fault.
type schema[T any] struct {
	description
	decode func(v value, into *T)
}

// with adds a check of the decoded value, or something that is computed from it.
func (s schema[T]) with(then func(v value, into *T)) schema[T] {
	decode := s.decode
	s.decode = func(v value, into *T) {
		decode(v, into)
		then(v, into)
	}
	return s
}

// field declares a key of an object that is decoded into a T.
type field[T any] struct {
	property
	decode func(v value, into *T)
}

// key declares a key: its name, its schema, where the value goes, and what the
// reference says of it.
func key[T, F any](name string, of schema[F], to func(*T) *F, doc string) field[T] {
	return field[T]{
		property: property{name: name, doc: doc, description: of.description},
		decode:   func(v value, into *T) { of.decode(v, to(into)) },
	}
}

// required makes the absence of the key a fault.
func (f field[T]) required() field[T] {
	f.property.required = true
	return f
}

// withDefault gives the key a default, as JSON.
func (f field[T]) withDefault(def string) field[T] {
	f.def = def
	return f
}

// unsupported declares a key that this version refuses, but not as unknown.
func unsupported[T any](name string) field[T] {
	return field[T]{property: property{name: name, unsupported: true}}
}

// object declares an object of known keys. Every key's default is decoded
// first, so that also a config with faults holds sensible values.
func object[T any](fields ...field[T]) schema[T] {
	var s schema[T]
	s.typ = "object"
	byName := make(map[string]*field[T], len(fields))
	var known []string
	for i := range fields {
		f := &fields[i]
		s.keys = append(s.keys, f.property)
		byName[f.name] = f
		if !f.unsupported {
			known = append(known, f.name)
		}
	}
	s.decode = func(v value, into *T) {
		for _, f := range fields {
			if f.def != "" {
				f.decode(v.at(f.name, parseJSON(v.collector, "default", []byte(f.def))), into)
			}
		}
		if !v.expect(Object, "an object") {
			return
		}
		for _, m := range v.node.Members {
			switch f := byName[m.Key]; {
			case f == nil:
				v.add(m.KeyPos, suggest.Hint(m.Key, known), "%sunknown key %q", v.prefix(), clip(m.Key))
			case f.unsupported:
				v.add(m.KeyPos, "leave it out", "%s%q is not supported by this version", v.prefix(), m.Key)
			default:
				f.decode(v.at(m.Key, m.Value), into)
			}
		}
		for _, f := range fields {
			misspelt := slices.ContainsFunc(v.node.Members, func(m Member) bool { // a fault already
				return byName[m.Key] == nil && suggest.Nearest(m.Key, known) == f.name
			})
			if f.property.required && v.node.Get(f.name) == nil && !misspelt {
				v.fault("", "%q is missing", f.name)
			}
		}
	}
	return s
}

// list declares an array.
func list[T any](of schema[T]) schema[[]T] {
	return schema[[]T]{
		description: description{typ: "array", items: &of.description},
		decode: func(v value, into *[]T) {
			if !v.expect(Array, "an array") {
				return
			}
			out := make([]T, len(v.node.Elements))
			for i := range v.node.Elements {
				of.decode(v.index(i), &out[i])
			}
			*into = out
		},
	}
}

// uniqueBy makes it a fault when two objects of an array give a key the same
// string.
func uniqueBy[T any](s schema[[]T], key string) schema[[]T] {
	return s.with(func(v value, _ *[]T) {
		first := make(map[string]Pos)
		for i, element := range v.node.Elements {
			if n := element.Get(key); n != nil && n.Kind == String {
				v.index(i).at(key, n).unique(first, "another one of "+v.path+" has the same "+key)
			}
		}
	})
}

// dict declares an object whose keys are names that the user chooses.
func dict[T any](name namePattern, of schema[T]) schema[map[string]T] {
	return schema[map[string]T]{
		description: description{typ: "object", values: &of.description},
		decode: func(v value, into *map[string]T) {
			if !v.expect(Object, "an object") {
				return
			}
			out := make(map[string]T, len(v.node.Members))
			for _, m := range v.node.Members {
				if problem, hint := name.check(m.Key); problem != "" {
					v.add(m.KeyPos, hint, "%s%s", v.prefix(), problem)
				}
				var t T
				of.decode(v.at(m.Key, m.Value), &t)
				out[m.Key] = t
			}
			*into = out
		},
	}
}
