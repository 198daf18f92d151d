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
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/pointer"
)

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

func read(text []byte, options ...jsontext.Options) *reader {
	r, _ := readers.Get().(*reader)
	r.source, r.text = *bytes.NewBuffer(text), text // the decoder reads it where it is
	r.Reset(&r.source, options...)
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
	params := &Params{members: make([]member, 0, 8)}
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
