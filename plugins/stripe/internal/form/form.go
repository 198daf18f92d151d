// Package form turns JSON params into the form fields that Stripe's API takes:
// nested objects and arrays in brackets, as in items[0][price].
//
// It works on the JSON text itself, so that a number reaches Stripe with the
// digits that the caller wrote and no float comes between. It knows the form
// of Stripe's requests (https://docs.stripe.com/api) and no single action.
//
// The package imports sdk/pointer.
package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/pointer"
)

// maxDepth is the deepest nesting that is encoded. Stripe's own parameters
// nest to five levels.
const maxDepth = 32

// Field is one field of a form.
type Field struct {
	Name, Value string
}

// pointer is the JSON Pointer of the param that became the field.
func (f Field) pointer() string {
	return pointer.Join("", strings.FieldsFunc(f.Name, func(r rune) bool { return r == '[' || r == ']' })...)
}

// Fault is a place in the params that cannot be encoded.
type Fault struct {
	// Pointer is a JSON Pointer (RFC 6901).
	Pointer string
	Message string
}

// Error returns place and message.
func (f *Fault) Error() string { return fmt.Sprintf("params%s: %s", f.Pointer, f.Message) }

// Params are the members of a JSON object, in the order in which they were
// written. It is not safe for concurrent use.
type Params struct {
	members []member
}

type member struct {
	name  string
	value jsontext.Value
}

// reader reads one JSON text in place.
type reader struct {
	*jsontext.Decoder
	source bytes.Buffer
	text   []byte
}

// readers keeps readers for reuse: what a decoder allocates for itself costs more than
// reading the params of a call.
var readers = sync.Pool{New: func() any { return &reader{Decoder: new(jsontext.Decoder)} }}

func read(text []byte) *reader {
	r, _ := readers.Get().(*reader)
	r.source, r.text = *bytes.NewBuffer(text), text // the decoder reads it where it is
	r.Reset(&r.source)
	return r
}

// release gives the reader back, without hold on the text.
func (r *reader) release() {
	r.source, r.text = bytes.Buffer{}, nil
	r.Reset(&r.source)
	readers.Put(r)
}

// value reads the next value. It shares memory with the text.
func (r *reader) value() (jsontext.Value, error) {
	value, err := r.ReadValue()
	end := int(r.InputOffset())
	return r.text[end-len(value) : end : end], err
}

// Parse reads a JSON object. Anything else, and a name given twice at any
// depth, is an error. The params share memory with raw, which must not be changed.
func Parse(raw []byte) (*Params, error) {
	r := read(raw)
	defer r.release()
	if r.PeekKind() != '{' {
		return nil, &Fault{Message: "not a JSON object"}
	}
	params := &Params{}
	if _, err := r.ReadToken(); err != nil {
		return nil, syntaxFault(err)
	}
	for r.PeekKind() != '}' {
		name, err := r.ReadToken()
		if err != nil {
			return nil, syntaxFault(err)
		}
		key := name.String() // the token is only good until the next read
		value, err := r.value()
		if err != nil {
			return nil, syntaxFault(err)
		}
		params.members = append(params.members, member{key, value})
	}
	if _, err := r.ReadToken(); err != nil {
		return nil, syntaxFault(err)
	}
	if _, err := r.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, &Fault{Message: "more than one JSON value"}
	}
	return params, nil
}

func syntaxFault(err error) *Fault {
	fault := &Fault{Message: "not valid JSON"}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		fault.Pointer = string(syntactic.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			fault.Message = "the name is given twice"
		}
	}
	return fault
}

// Take removes a member and returns its JSON text, or nil if it is absent.
func (p *Params) Take(name string) json.RawMessage {
	for i, m := range p.members {
		if m.name == name {
			p.members = append(p.members[:i], p.members[i+1:]...)
			return json.RawMessage(m.value)
		}
	}
	return nil
}

// Split returns the members of which is holds, and the others.
func (p *Params) Split(is func(name string) bool) (those, others *Params) {
	those, others = &Params{}, &Params{}
	for _, m := range p.members {
		if is(m.name) {
			those.members = append(those.members, m)
		} else {
			others.members = append(others.members, m)
		}
	}
	return those, others
}

// Get returns the JSON text of a member, or nil if it is absent.
func (p *Params) Get(name string) json.RawMessage {
	for _, m := range p.members {
		if m.name == name {
			return json.RawMessage(m.value)
		}
	}
	return nil
}

// Has reports whether there is a member of that name.
func (p *Params) Has(name string) bool {
	return slices.ContainsFunc(p.members, func(m member) bool { return m.name == name })
}

// Replace gives a member, if it is there, another value, in its place.
func (p *Params) Replace(name string, value json.RawMessage) *Params {
	for i := range p.members {
		if p.members[i].name == name {
			p.members[i].value = jsontext.Value(value)
		}
	}
	return p
}

// Clone returns a copy that can be changed by itself.
func (p *Params) Clone() *Params { return &Params{members: slices.Clone(p.members)} }

// Object returns the params as a JSON object, each value as it was written.
func (p *Params) Object() json.RawMessage {
	out := []byte{'{'}
	for i, m := range p.members {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, m.name) // Parse took no name that is not UTF-8
		out = append(out, ':')
		out = append(out, m.value...)
	}
	return append(out, '}')
}

// Set adds a member, which must not be there yet.
func (p *Params) Set(name string, value json.RawMessage) {
	p.members = append(p.members, member{name, jsontext.Value(value)})
}

// Encode returns the params as form fields, in order. Errors are *Fault.
//
//   - A string is sent as it is; true and false as those words.
//   - A number keeps its digits; an exponent is written out and a fraction of
//     zeros is dropped, as Stripe reads neither (1e6 and 1000000.0 are 1000000).
//   - null and an empty array are sent as the empty string, by which Stripe
//     unsets a value. An empty object has no fields, as in Stripe's own libraries; in
//     an array, where another element would take its place, it is an error, and so is
//     an empty array.
//   - Metadata is text to Stripe, wherever it stands: its numbers are sent as they
//     are written, exponent and all.
func (p *Params) Encode() ([]Field, error) {
	var e encoder
	for _, m := range p.members {
		here := place{nil, m.name}
		if err := checkName(m.name, &here); err != nil {
			return nil, err
		}
		if err := e.member(m.name, &here, m, 1); err != nil {
			return nil, err
		}
	}
	return e.fields, nil
}

// place is where a value is in the params. It is written as a pointer for a fault only.
type place struct {
	in   *place // nil at the top
	name string // of the member, or its index
}

// pointer returns the JSON Pointer.
func (p *place) pointer() string {
	if p == nil {
		return ""
	}
	return pointer.Join(p.in.pointer(), p.name)
}

type encoder struct {
	fields []Field
}

func (e *encoder) add(name, value string) { e.fields = append(e.fields, Field{name, value}) }

// metadata is the name of the parameters whose members the caller chooses.
const metadata = "metadata"

// member encodes a member of an object under its full name.
func (e *encoder) member(name string, at *place, m member, depth int) error {
	if m.name != metadata || m.value.Kind() != '{' {
		return e.value(name, at, m.value, depth)
	}
	inner, err := parseAt(m.value, at)
	if err != nil {
		return err
	}
	for _, pair := range inner.members {
		here := place{at, pair.name}
		if err := checkName(pair.name, &here); err != nil {
			return err
		}
		switch full := name + "[" + pair.name + "]"; pair.value.Kind() {
		case '{', '[':
			return &Fault{here.pointer(), "must be a text, a number, true or false"}
		case '0':
			e.add(full, string(pair.value))
		default:
			if err := e.value(full, &here, pair.value, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseAt is Parse of a value within the params.
func parseAt(value jsontext.Value, at *place) (*Params, error) {
	inner, err := Parse(value)
	var fault *Fault
	if errors.As(err, &fault) {
		fault.Pointer = at.pointer() + fault.Pointer
	}
	return inner, err
}

func (e *encoder) value(name string, at *place, value jsontext.Value, depth int) error {
	if depth > maxDepth {
		return &Fault{at.pointer(), "nested too deeply"}
	}
	switch value.Kind() {
	case '{':
		return e.object(name, at, value, depth)
	case '[':
		return e.array(name, at, value, depth)
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return &Fault{at.pointer(), "not a valid JSON string"}
		}
		e.add(name, string(text))
	case '0':
		number, err := plain(string(value))
		if err != nil {
			return &Fault{at.pointer(), err.Error()}
		}
		e.add(name, number)
	case 'n':
		e.add(name, "")
	case 't', 'f':
		e.add(name, string(value))
	default:
		return &Fault{at.pointer(), "not valid JSON"}
	}
	return nil
}

func (e *encoder) object(name string, at *place, value jsontext.Value, depth int) error {
	inner, err := parseAt(value, at)
	if err != nil {
		return err
	}
	for _, m := range inner.members {
		here := place{at, m.name}
		if err := checkName(m.name, &here); err != nil {
			return err
		}
		if err := e.member(name+"["+m.name+"]", &here, m, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses a bracket in a name: it would end the name early and start
// another one, so that data could say which parameter it becomes. Stripe
// forbids them in metadata too.
func checkName(name string, at *place) error {
	if name == "" {
		return &Fault{at.pointer(), "a name may not be empty"}
	}
	if strings.ContainsAny(name, "[]") {
		return &Fault{at.pointer(), "a name may not hold square brackets"}
	}
	return nil
}

func (e *encoder) array(name string, at *place, value jsontext.Value, depth int) error {
	r := read(value)
	defer r.release()
	if _, err := r.ReadToken(); err != nil {
		return &Fault{at.pointer(), "not valid JSON"}
	}
	if r.PeekKind() == ']' {
		e.add(name, "")
		return nil
	}
	for i := 0; r.PeekKind() != ']'; i++ {
		here := place{at, strconv.Itoa(i)}
		item, err := r.value()
		if err != nil {
			return &Fault{here.pointer(), "not valid JSON"}
		}
		before := len(e.fields)
		if err := e.value(name+"["+here.name+"]", &here, item, depth+1); err != nil {
			return err
		}
		if len(e.fields) == before {
			return &Fault{here.pointer(), "an empty object in a list cannot be sent: a form has no way to write it"}
		}
		if item.Kind() == '[' && len(bytes.TrimSpace(item[1:len(item)-1])) == 0 {
			return &Fault{here.pointer(), "an empty list in a list cannot be sent: a form has no way to write it"}
		}
	}
	return nil
}
