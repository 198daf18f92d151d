package shape

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// kind is how a value is written in JSON.
type kind uint8

const (
	kindRaw      kind = iota // json.RawMessage: anything
	kindString               // a string
	kindBool                 // true or false
	kindInt                  // a whole number, signed
	kindUint                 // a whole number from zero
	kindFloat                // a number that may lose digits
	kindNumber               // json.Number: a number as it is written
	kindTime                 // time.Time: a string, RFC 3339
	kindDuration             // time.Duration: a string such as "1m30s"
	kindBytes                // []byte: a string, base64
	kindText                 // a type that reads and writes itself as a string
	kindCustom               // a type that reads and writes its own JSON
	kindSlice                // an array
	kindMap                  // an object with any names
	kindStruct               // an object with fields
	kindPointer              // null, or what it points to
)

// Shape is the JSON of a Go type. It is constant and safe for concurrent use.
type Shape struct {
	kind     kind
	typ      reflect.Type
	elem     *Shape                 // of a slice, a map or a pointer
	fields   []field                // of a struct
	byName   map[string]int         // index into fields
	defaults bool                   // a field, of this or an inner struct, has a default
	initial  reflect.Value          // a struct with its defaults, if it has any
	empty    reflect.Value          // a slice without elements
	schema   func() json.RawMessage // of a kindCustom
}

// field is a field of a struct, those of embedded structs among them.
type field struct {
	name     string // in JSON
	label    string // the name as most callers write it, quoted and with a colon
	goName   string // in Go
	owner    reflect.Type
	index    []int
	tag      reflect.StructTag
	shape    *Shape
	optional bool // params need not have it
	omit     bool // it is left out when it is zero
}

// of returns the field of a struct. The short way is several times as fast in a
// guest, and nearly always the one.
func (f *field) of(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	return v.FieldByIndex(f.index)
}

var (
	typeRaw      = reflect.TypeFor[json.RawMessage]()
	typeNumber   = reflect.TypeFor[json.Number]()
	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[time.Duration]()

	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
	textWriter = reflect.TypeFor[encoding.TextMarshaler]()
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	jsonWriter = reflect.TypeFor[json.Marshaler]()
)

// schemaTeller is a type that reads and writes its own JSON and says what it
// looks like.
type schemaTeller interface{ JSONSchema() json.RawMessage }

// Of returns the shape of a type, or every reason why its JSON cannot be told,
// each with its place.
func Of(t reflect.Type) (*Shape, error) {
	var b builder
	s := b.of(t, t.String())
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults...)
	}
	return s, nil
}

type builder struct {
	faults []error
	within []reflect.Type // the structs around
}

func (b *builder) fault(place, format string, args ...any) *Shape {
	b.faults = append(b.faults, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
	return &Shape{kind: kindRaw, typ: typeRaw}
}

func (b *builder) of(t reflect.Type, place string) *Shape {
	s := &Shape{typ: t}
	switch t {
	case typeRaw:
		s.kind = kindRaw
		return s
	case typeNumber:
		s.kind = kindNumber
		return s
	case typeTime:
		s.kind = kindTime
		return s
	case typeDuration:
		s.kind = kindDuration
		return s
	}
	if t.Kind() != reflect.Pointer {
		if special := b.ofMethods(s, t, place); special != nil {
			return special
		}
	}
	switch t.Kind() {
	case reflect.String:
		s.kind = kindString
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = kindUint
	case reflect.Float32, reflect.Float64:
		s.kind = kindFloat
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			s.kind = kindBytes
			return s
		}
		s.kind, s.elem, s.empty = kindSlice, b.of(t.Elem(), place+"[]"), reflect.MakeSlice(t, 0, 0)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return b.fault(place, "the keys of a map are names, and %s is no string", t.Key())
		}
		s.kind, s.elem = kindMap, b.of(t.Elem(), place+"[]")
	case reflect.Pointer:
		s.kind, s.elem = kindPointer, b.of(t.Elem(), place)
		if s.elem.kind == kindPointer {
			return b.fault(place, "a pointer to a pointer")
		}
	case reflect.Struct:
		b.ofStruct(s, place)
	case reflect.Interface:
		return b.fault(place, "%s can be anything: json.RawMessage says so and keeps its numbers exact", t)
	default:
		return b.fault(place, "%s has no JSON", t)
	}
	return s
}

// ofMethods returns the shape of a type that reads and writes itself, nil for
// others.
func (b *builder) ofMethods(s *Shape, t reflect.Type, place string) *Shape {
	p := reflect.PointerTo(t)
	switch {
	case p.Implements(jsonReader) || p.Implements(jsonWriter):
		teller, ok := reflect.New(t).Interface().(schemaTeller)
		if !ok || !p.Implements(jsonReader) || !p.Implements(jsonWriter) {
			return b.fault(place, "%s has JSON of its own: it needs UnmarshalJSON, MarshalJSON and JSONSchema() json.RawMessage", t)
		}
		s.kind, s.schema = kindCustom, teller.JSONSchema
		return s
	case p.Implements(textReader) && p.Implements(textWriter):
		s.kind = kindText
		return s
	case p.Implements(textReader) || p.Implements(textWriter):
		return b.fault(place, "%s has text of its own: it needs both UnmarshalText and MarshalText", t)
	}
	return nil
}

func (b *builder) ofStruct(s *Shape, place string) {
	s.kind = kindStruct
	for _, outer := range b.within {
		if outer == s.typ {
			b.fault(place, "%s contains itself, which has no end: use json.RawMessage there", s.typ)
			return
		}
	}
	b.within = append(b.within, s.typ)
	defer func() { b.within = b.within[:len(b.within)-1] }()

	s.byName = make(map[string]int)
	b.addFields(s, s.typ, nil, place)
	s.initial = reflect.New(s.typ).Elem()
	for i := range s.fields {
		b.setDefault(s, &s.fields[i], place)
	}
}

// addFields adds the fields of t, which is the struct itself or embedded in it.
func (b *builder) addFields(s *Shape, t reflect.Type, index []int, place string) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		where := place + "." + f.Name
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && options == "" {
			continue
		}
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			b.addFields(s, f.Type, at, where)
			continue
		}
		if !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			b.fault(where, "%s is embedded: only a struct can be, by value; or name it with a json tag", f.Type)
			continue
		}
		if name == "" {
			name = f.Name
		}
		if _, twice := s.byName[name]; twice {
			b.fault(where, "%q is there twice", name)
			continue
		}
		added := field{name: name, label: string(AppendString(nil, name)) + ":", goName: f.Name, owner: t, index: at, tag: f.Tag, shape: b.of(f.Type, where)}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty", "omitzero":
				added.omit = true
			case "":
			default:
				b.fault(where, "the option %q of a json tag is not known here: omitempty or omitzero", option)
			}
		}
		added.optional = added.omit || added.shape.kind == kindPointer
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, added)
	}
}

// setDefault puts the default of a field into the struct that params are read
// into.
func (b *builder) setDefault(s *Shape, f *field, place string) {
	if f.shape.defaults {
		s.defaults = true
		s.initial.FieldByIndex(f.index).Set(f.shape.initial)
	}
	text, given := f.tag.Lookup("default")
	if !given {
		return
	}
	f.optional, s.defaults = true, true
	if f.shape.kind == kindPointer {
		b.fault(place+"."+f.goName, "a pointer says that nothing was given, which a default never lets happen")
		return
	}
	value, err := literal(f.shape, text)
	if err == nil {
		err = f.shape.Decode(value, s.initial.FieldByIndex(f.index))
	}
	if err != nil {
		b.fault(place+"."+f.goName, "default %q: %s", text, err)
	}
}
