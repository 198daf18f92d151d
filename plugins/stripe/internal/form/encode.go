package form

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/pointer"
)

// maxDepth is the deepest nesting that is encoded. Stripe's own parameters
// nest to five levels.
const maxDepth = 32

// metadata is the name of the parameters whose members the caller chooses.
const metadata = "metadata"

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
	e := encoder{fields: make([]Field, 0, len(p.members)+4)}
	for _, m := range p.members {
		if err := e.top(m); err != nil {
			return nil, err
		}
	}
	return e.fields, nil
}

// encoder writes the fields of params.
type encoder struct {
	fields []Field
	// path are the names and indices that lead to the value that is read, name is the
	// name of its field.
	path []string
	name []byte
}

// top encodes a member of the params.
func (e *encoder) top(m member) error {
	e.path, e.name = append(e.path[:0], m.name), append(e.name[:0], m.name...)
	if err := e.checkName(m.name); err != nil {
		return err
	}
	switch m.value.Kind() {
	case '{', '[':
		return e.nested(m)
	case '"':
		text, err := jsontext.AppendUnquote(nil, m.value)
		if err != nil {
			return e.fault("not a valid JSON string")
		}
		e.add(string(text))
		return nil
	}
	return e.scalar(string(m.value))
}

// nested encodes a member that holds others.
func (e *encoder) nested(m member) error {
	// What Parse took has no name twice.
	r := read(m.value, jsontext.AllowDuplicateNames(true))
	defer r.release()
	err := e.value(r.Decoder, m.name == metadata)
	var fault *Fault
	if err == nil || errors.As(err, &fault) {
		return err
	}
	fault = syntaxFault(err)
	fault.Pointer = pointer.Join("", m.name) + fault.Pointer
	return fault
}

// scalar encodes a number, null, true or false.
func (e *encoder) scalar(value string) error {
	switch {
	case value == "null":
		value = ""
	case value == "true" || value == "false":
	case value != "" && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
		number, err := plain(value)
		if err != nil {
			return e.fault(err.Error())
		}
		value = number
	default:
		return e.fault("not valid JSON")
	}
	e.add(value)
	return nil
}

// value encodes the value that comes next. If it is an object and isMetadata, its
// members are texts. Errors are *Fault, or the decoder's.
func (e *encoder) value(decoder *jsontext.Decoder, isMetadata bool) error {
	if len(e.path) > maxDepth {
		return e.fault("nested too deeply")
	}
	token, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '{':
		return e.object(decoder, isMetadata)
	case '[':
		return e.array(decoder)
	case '"':
		e.add(token.String())
		return nil
	}
	return e.scalar(token.String())
}

func (e *encoder) object(decoder *jsontext.Decoder, isMetadata bool) error {
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		leave := e.enter(name)
		if err := e.checkName(name); err != nil {
			return err
		}
		if isMetadata {
			err = e.text(decoder)
		} else {
			err = e.value(decoder, name == metadata)
		}
		if err != nil {
			return err
		}
		e.leave(leave)
	}
	_, err := decoder.ReadToken()
	return err
}

// text encodes a value of metadata.
func (e *encoder) text(decoder *jsontext.Decoder) error {
	switch decoder.PeekKind() {
	case '{', '[':
		return e.fault("must be a text, a number, true or false")
	case '0':
		token, err := decoder.ReadToken()
		if err != nil {
			return err
		}
		e.add(token.String())
		return nil
	}
	return e.value(decoder, false)
}

func (e *encoder) array(decoder *jsontext.Decoder) error {
	if decoder.PeekKind() == ']' {
		e.add("")
	}
	for i := 0; decoder.PeekKind() != ']'; i++ {
		leave := e.enter(strconv.Itoa(i))
		before, isList := len(e.fields), decoder.PeekKind() == '['
		if err := e.value(decoder, false); err != nil {
			return err
		}
		switch {
		case len(e.fields) == before:
			return e.fault("an empty object in a list cannot be sent: a form has no way to write it")
		case isList && len(e.fields) == before+1 && e.fields[before].Name == string(e.name):
			return e.fault("an empty list in a list cannot be sent: a form has no way to write it")
		}
		e.leave(leave)
	}
	_, err := decoder.ReadToken()
	return err
}

// enter goes to a member or an item. What it returns is for leave.
func (e *encoder) enter(name string) (before int) {
	before = len(e.name)
	e.path = append(e.path, name)
	e.name = append(append(append(e.name, '['), name...), ']')
	return before
}

func (e *encoder) leave(before int) { e.path, e.name = e.path[:len(e.path)-1], e.name[:before] }

// add adds a field of the name that was entered.
func (e *encoder) add(value string) {
	name := e.path[0]
	if len(e.path) > 1 {
		name = string(e.name)
	}
	e.fields = append(e.fields, Field{name, value})
}

// fault is one of the value that is read.
func (e *encoder) fault(message string) *Fault { return &Fault{pointer.Join("", e.path...), message} }

// checkName refuses a bracket in a name: it would end the name early and start
// another one, so that data could say which parameter it becomes. Stripe
// forbids them in metadata too.
func (e *encoder) checkName(name string) error {
	if reason := unfitName(name); reason != "" {
		return e.fault(reason)
	}
	return nil
}

// unfitName says why a name is none of a parameter, and nothing if it is one.
func unfitName(name string) string {
	switch {
	case name == "":
		return "a name may not be empty"
	case strings.ContainsAny(name, "[]"):
		return "a name may not hold square brackets"
	}
	return ""
}
