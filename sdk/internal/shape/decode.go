package shape

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk/pointer"
)

// A Mismatch is a value that is not of the shape.
type Mismatch struct {
	// Pointer is a JSON Pointer (RFC 6901) to the value.
	Pointer string
	// Reason never repeats the value, which may be a secret.
	Reason string
}

// Error returns the place and the reason.
func (m *Mismatch) Error() string {
	if m.Pointer == "" {
		return m.Reason
	}
	return m.Pointer + ": " + m.Reason
}

var errSyntax = errors.New("is not valid JSON")

// Decode reads data into v, which can be set, is zero, and has the type of the shape.
// Fields that data leaves out get their defaults, or are zero. Names are compared
// as they are written; one that the struct has not, or that comes twice, is
// refused, and so is a number that the type cannot hold exactly. The error is a
// *Mismatch. Nothing in v refers to data, which is copied once: the strings in v
// are parts of that copy.
func (s *Shape) Decode(data []byte, v reflect.Value) error {
	if s.kind == kindRaw {
		v.SetBytes(bytes.Clone(data)) // its reader checks it
		return nil
	}
	d := decoder{data: string(data)}
	err := d.value(s, v, 0)
	if err == nil {
		if d.i = space(d.data, d.i); d.i != len(d.data) {
			err = errSyntax
		}
	}
	if err == nil {
		return nil
	}
	var m *Mismatch
	if errors.As(err, &m) {
		return m
	}
	return &Mismatch{Reason: err.Error()}
}

// decoder stands before the value that is read next.
type decoder struct {
	data string
	i    int
}

// below adds the name of the place above to an error.
func below(name string, err error) error {
	at := pointer.Join("", name)
	var m *Mismatch
	if errors.As(err, &m) {
		return &Mismatch{Pointer: at + m.Pointer, Reason: m.Reason}
	}
	return &Mismatch{Pointer: at, Reason: err.Error()}
}

func (d *decoder) value(s *Shape, v reflect.Value, depth int) error {
	d.i = space(d.data, d.i)
	if d.i >= len(d.data) || depth > maxDepth {
		return errSyntax
	}
	if s.kind == kindString && d.data[d.i] == '"' {
		text, err := d.text()
		v.SetString(text)
		return err
	}
	if s.kind == kindInt && d.small(v) {
		return nil
	}
	if d.data[d.i] == 'n' && s.kind != kindRaw && s.kind != kindCustom {
		end, ok := word(d.data, d.i, "null")
		if !ok {
			return errSyntax
		}
		d.i = end
		v.SetZero()
		if s.kind == kindPointer || s.kind == kindSlice || s.kind == kindMap || s.kind == kindBytes {
			return nil
		}
		return errors.New("is null")
	}
	switch s.kind {
	case kindString:
		return errors.New("is no string")
	case kindStruct:
		return d.object(s, v, depth)
	case kindInt, kindUint, kindFloat, kindNumber:
		return d.number(s, v)
	case kindBool:
		yes, isYes := word(d.data, d.i, "true")
		no, isNo := word(d.data, d.i, "false")
		if !isYes && !isNo {
			return errors.New("is neither true nor false")
		}
		d.i = max(yes, no)
		v.SetBool(isYes)
		return nil
	case kindPointer:
		v.Set(reflect.New(s.elem.typ))
		return d.value(s.elem, v.Elem(), depth)
	case kindSlice:
		return d.array(s, v, depth)
	case kindMap:
		return d.names(s, v, depth)
	case kindRaw, kindCustom:
		end, ok := skip(d.data, d.i, depth)
		if !ok {
			return errSyntax
		}
		raw := []byte(d.data[d.i:end])
		d.i = end
		if s.kind == kindRaw {
			v.SetBytes(raw)
			return nil
		}
		return v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(raw)
	}
	return d.special(s, v)
}

// special reads a value that is written as a string without being one.
func (d *decoder) special(s *Shape, v reflect.Value) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	switch s.kind {
	case kindTime:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return errors.New("is not a time of RFC 3339")
		}
		v.Set(reflect.ValueOf(t))
	case kindDuration:
		duration, err := time.ParseDuration(text)
		if err != nil {
			return errors.New(`is not a duration such as "1m30s"`)
		}
		v.SetInt(int64(duration))
	case kindBytes:
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errors.New("is not base64")
		}
		v.SetBytes(decoded)
	default:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("is not a %s", s.typ)
		}
	}
	return nil
}

// text reads a string.
func (d *decoder) text() (string, error) {
	end, escaped, ok := scanString(d.data, d.i)
	if !ok {
		if d.i < len(d.data) && d.data[d.i] == '"' {
			return "", errSyntax
		}
		return "", errors.New("is no string")
	}
	literal := d.data[d.i:end]
	d.i = end
	if !escaped {
		return literal[1 : len(literal)-1], nil
	}
	// Escapes are rare, and their rules many.
	var text string
	if err := json.Unmarshal([]byte(literal), &text); err != nil {
		return "", errSyntax
	}
	return text, nil
}

func (d *decoder) object(s *Shape, v reflect.Value, depth int) error {
	if s.defaults {
		v.Set(s.initial)
	}
	more, err := d.open('{', '}')
	if err != nil {
		return errors.New("is no object")
	}
	seen := fieldSet{}
	for next := 0; more; {
		at, err := d.field(s, next)
		if err != nil {
			return err
		}
		f := &s.fields[at]
		if !seen.add(at) {
			return below(f.name, errors.New("is there twice"))
		}
		if err := d.value(f.shape, f.of(v), depth+1); err != nil {
			return below(f.name, err)
		}
		next = at + 1
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	return nil
}

// field reads a name and the colon after it. Most callers write the fields in
// their order and without white space, so that one look at the next one suffices.
func (d *decoder) field(s *Shape, next int) (int, error) {
	if next < len(s.fields) {
		if label := s.fields[next].label; strings.HasPrefix(d.data[d.i:], label) {
			d.i += len(label)
			return next, nil
		}
	}
	name, err := d.name()
	if err != nil {
		return 0, err
	}
	at, known := s.byName[name]
	if !known {
		return 0, below(name, errors.New("is not known"))
	}
	return at, nil
}

// fieldSet is a set of fields: a bit for each, and a map for those of a struct
// that has more.
type fieldSet struct {
	few  uint64
	many map[int]bool
}

// add reports whether the field is new.
func (f *fieldSet) add(at int) bool {
	if at < 64 {
		bit := uint64(1) << at
		added := f.few&bit == 0
		f.few |= bit
		return added
	}
	if f.many == nil {
		f.many = make(map[int]bool)
	}
	added := !f.many[at]
	f.many[at] = true
	return added
}

// names reads an object with any names.
func (d *decoder) names(s *Shape, v reflect.Value, depth int) error {
	v.Set(reflect.MakeMap(s.typ))
	more, err := d.open('{', '}')
	if err != nil {
		return errors.New("is no object")
	}
	for more {
		name, err := d.name()
		if err != nil {
			return err
		}
		key := reflect.ValueOf(name).Convert(s.typ.Key())
		if v.MapIndex(key).IsValid() {
			return below(name, errors.New("is there twice"))
		}
		element := reflect.New(s.elem.typ).Elem()
		if err := d.value(s.elem, element, depth+1); err != nil {
			return below(name, err)
		}
		v.SetMapIndex(key, element)
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	return nil
}

// array reads a slice. It is empty where there are no elements, and nil only where
// nothing was given.
func (d *decoder) array(s *Shape, v reflect.Value, depth int) error {
	more, err := d.open('[', ']')
	if err != nil {
		return errors.New("is no array")
	}
	n := 0
	for room := 0; more; n++ {
		if n == room {
			v.Grow(max(4, n))
			room = v.Cap()
			v.SetLen(room)
		}
		if err := d.value(s.elem, v.Index(n), depth+1); err != nil {
			return below(strconv.Itoa(n), err)
		}
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	if n == 0 {
		v.Set(s.empty)
		return nil
	}
	v.SetLen(n)
	return nil
}

// name reads a name and the colon after it.
func (d *decoder) name() (string, error) {
	name, err := d.text()
	if err != nil {
		return "", errSyntax
	}
	if d.i = space(d.data, d.i); d.i >= len(d.data) || d.data[d.i] != ':' {
		return "", errSyntax
	}
	d.i++
	return name, nil
}

// open reads an opening bracket and, where nothing is inside, the closing one.
func (d *decoder) open(opening, closing byte) (more bool, err error) {
	if d.data[d.i] != opening {
		return false, errSyntax
	}
	d.i = space(d.data, d.i+1)
	if d.i < len(d.data) && d.data[d.i] == closing {
		d.i++
		return false, nil
	}
	return true, nil
}

// more reads a comma, after which there is more, or the end.
func (d *decoder) more(closing byte) (bool, error) {
	if d.i < len(d.data) && d.data[d.i] <= ' ' {
		d.i = space(d.data, d.i)
	}
	if d.i >= len(d.data) {
		return false, errSyntax
	}
	switch d.data[d.i] {
	case ',':
		d.i = space(d.data, d.i+1)
		return true, nil
	case closing:
		d.i++
		return false, nil
	}
	return false, errSyntax
}
