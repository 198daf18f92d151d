package shape

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Use is what a schema describes.
type Use int

// Input must match exactly. Output may have further fields, and a nil pointer is
// null.
const (
	Input  Use = iota // params and credentials
	Output            // results
)

// documented is a type whose doc comments have been written down, which the
// compiler does not keep: see sdk/cmd/typedoc.
type documented interface {
	TypeDoc() (text string, fields map[string]string)
}

// Schema writes the JSON Schema (2020-12) of the type, or returns every tag that
// is wrong.
func (s *Shape) Schema(use Use) (json.RawMessage, error) {
	w := writer{use: use}
	if use == Input && s.kind == kindRaw {
		return json.RawMessage(`{"type":"object"}`), nil
	}
	w.shape(s, "", false, "", s.typ.String())
	if len(w.faults) > 0 {
		return nil, errors.Join(w.faults...)
	}
	return w.out, nil
}

// Known reports whether the schema says anything: that of json.RawMessage is true
// of all values.
func (s *Shape) Known() bool { return s.kind != kindRaw }

// IsObject reports whether the values are objects of JSON, or may be.
func (s *Shape) IsObject() bool {
	return s.kind == kindStruct || s.kind == kindMap || s.kind == kindRaw || s.kind == kindCustom
}

// durationPattern is what time.ParseDuration reads.
const durationPattern = `^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$`

type writer struct {
	use    Use
	out    []byte
	faults []error
}

func (w *writer) fault(place, format string, args ...any) {
	w.faults = append(w.faults, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
}

// key begins a member of the object that is being written.
func (w *writer) key(name string) {
	if last := w.out[len(w.out)-1]; last != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(AppendString(w.out, name), ':')
}

func (w *writer) text(name, value string) {
	w.key(name)
	w.out = AppendString(w.out, value)
}

func (w *writer) raw(name, value string) {
	w.key(name)
	w.out = append(w.out, value...)
}

// shape writes the schema of a value whose field, if it is one, has tags and a
// doc comment.
func (w *writer) shape(s *Shape, tag reflect.StructTag, nullable bool, doc, place string) {
	if s.kind == kindPointer {
		w.shape(s.elem, tag, w.use == Output && !nullable, doc, place)
		return
	}
	if s.kind == kindCustom {
		w.custom(s, tag, place)
		return
	}
	w.out = append(w.out, '{')
	if name := typeName(s.kind); name != "" {
		if nullable {
			w.raw("type", `["`+name+`","null"]`)
		} else {
			w.text("type", name)
		}
	}
	ownDoc, fieldDocs := docs(s)
	if description := firstOf(tag.Get("description"), doc, ownDoc); description != "" {
		w.text("description", description)
	}
	switch s.kind {
	case kindTime:
		w.text("format", "date-time")
	case kindDuration:
		w.text("pattern", durationPattern)
	case kindBytes:
		w.text("contentEncoding", "base64")
	case kindInt, kindUint:
		w.bounds(s, tag)
	}
	rest := w.annotations(s, tag, place)
	switch s.kind {
	case kindStruct:
		w.properties(s, fieldDocs, place)
	case kindMap:
		w.key("additionalProperties")
		w.shape(s.elem, rest, false, "", place+"[]")
	case kindSlice:
		w.key("items")
		w.shape(s.elem, rest, false, "", place+"[]")
	default:
		w.keywords(s, rest, nullable, place)
	}
	w.out = append(w.out, '}')
}

// custom writes the schema that a type has of itself.
func (w *writer) custom(s *Shape, tag reflect.StructTag, place string) {
	schema := s.schema()
	if !json.Valid(schema) {
		w.fault(place, "the JSONSchema of %s is no JSON", s.typ)
		return
	}
	for _, known := range append(slices.Clone(keywords), collections...) {
		if _, given := tag.Lookup(known.name); given {
			w.fault(place, "the tag %s: %s has a schema of its own", known.name, s.typ)
		}
	}
	w.out = append(w.out, schema...)
}

func (w *writer) properties(s *Shape, docs map[string]string, place string) {
	w.key("properties")
	w.out = append(w.out, '{')
	for i := range s.fields {
		f := &s.fields[i]
		doc := docs[f.goName]
		if f.owner != s.typ {
			_, embedded := docsOf(f.owner)
			doc = firstOf(doc, embedded[f.goName])
		}
		w.key(f.name)
		w.shape(f.shape, f.tag, false, doc, place+"."+f.goName)
	}
	w.out = append(w.out, '}')
	first := true
	for i := range s.fields {
		f := &s.fields[i]
		if w.use == Input && f.optional || w.use == Output && f.omit {
			continue
		}
		if first {
			w.key("required")
			w.out = append(w.out, '[')
		} else {
			w.out = append(w.out, ',')
		}
		first = false
		w.out = AppendString(w.out, f.name)
	}
	if !first {
		w.out = append(w.out, ']')
	}
	if w.use == Input {
		w.raw("additionalProperties", "false")
	}
}

// bounds writes what the Go type has no room for, where the tags are silent. The
// ends of 64 bits would only be noise.
func (w *writer) bounds(s *Shape, tag reflect.StructTag) {
	_, least := tag.Lookup("minimum")
	_, most := tag.Lookup("maximum")
	_, above := tag.Lookup("exclusiveMinimum")
	_, below := tag.Lookup("exclusiveMaximum")
	bits := s.typ.Bits()
	low, high := "0", ""
	if s.kind == kindInt {
		low = ""
	}
	if bits < 64 {
		if s.kind == kindInt {
			low, high = strconv.FormatInt(-1<<(bits-1), 10), strconv.FormatInt(1<<(bits-1)-1, 10)
		} else {
			high = strconv.FormatUint(1<<bits-1, 10)
		}
	}
	if low != "" && !least && !above {
		w.raw("minimum", low)
	}
	if high != "" && !most && !below {
		w.raw("maximum", high)
	}
}

func typeName(k kind) string {
	switch k {
	case kindString, kindTime, kindDuration, kindBytes, kindText:
		return "string"
	case kindBool:
		return "boolean"
	case kindInt, kindUint:
		return "integer"
	case kindFloat, kindNumber:
		return "number"
	case kindSlice:
		return "array"
	case kindMap, kindStruct:
		return "object"
	}
	return ""
}

// docs returns the doc comments of a struct and of its fields, by their Go names.
func docs(s *Shape) (string, map[string]string) {
	if s.kind != kindStruct {
		return "", nil
	}
	return docsOf(s.typ)
}

func docsOf(t reflect.Type) (string, map[string]string) {
	if d, ok := reflect.Zero(t).Interface().(documented); ok {
		return d.TypeDoc()
	}
	return "", nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}
