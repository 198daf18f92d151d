package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Object is an object of Stripe's API, or a part of one. Its values are those of
// JSON, with integers as int64; Go code may also store int, and Objects and slices of
// them, which read alike.
type Object map[string]any

// OwnKind begins the types of objects that are the sandbox's own, and not of the API.
const OwnKind = "sandbox."

// Decode reads an object. Numbers that are no 64-bit integers stay json.Number.
func Decode(raw []byte) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return plain(value).(map[string]any), nil
}

func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// encode writes an object. What an operation stores in one can always be written.
func (o Object) encode() ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}

// Clone returns a copy that shares nothing with the object, and reads as it would when
// it had been stored.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return Object(clone(map[string]any(o)).(map[string]any))
}

func clone(value any) any {
	switch v := value.(type) {
	case Object:
		return clone(map[string]any(v))
	case map[string]any:
		copied := make(map[string]any, len(v))
		for name := range v {
			copied[name] = clone(v[name])
		}
		return copied
	case []Object:
		copied := make([]any, len(v))
		for i := range v {
			copied[i] = clone(v[i])
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i := range v {
			copied[i] = clone(v[i])
		}
		return copied
	case []string:
		copied := make([]any, len(v))
		for i := range v {
			copied[i] = v[i]
		}
		return copied
	case int:
		return int64(v)
	case float64:
		raw, _ := json.Marshal(v) // a form holds no number that JSON lacks
		return plain(json.Number(raw))
	}
	return value
}

// ID is the id of the object.
func (o Object) ID() string { return o.Text("id") }

// Kind is the type of the object, such as "payment_intent".
func (o Object) Kind() string { return o.Text("object") }

// Has says whether a field is there, null included.
func (o Object) Has(name string) bool { _, ok := o[name]; return ok }

// Set says whether a field is there and neither null nor the empty string, which
// is how a form says null.
func (o Object) Set(name string) bool { return o[name] != nil && o[name] != "" }

// Text reads a string field, empty for anything else.
func (o Object) Text(name string) string { text, _ := o[name].(string); return text }

// Int reads an integer field, zero for anything else.
func (o Object) Int(name string) int64 {
	switch v := o[name].(type) {
	case int64:
		return v
	case int:
		return int64(v)
	}
	return 0
}

// Bool reads a boolean field, false for anything else.
func (o Object) Bool(name string) bool { truth, _ := o[name].(bool); return truth }

// Object reads a field that is an object. It is the part itself: what is changed in
// it is changed in the whole. Nil for anything else; reading from nil is fine.
func (o Object) Object(name string) Object { return asObject(o[name]) }

func asObject(value any) Object {
	switch v := value.(type) {
	case Object:
		return v
	case map[string]any:
		return v
	}
	return nil
}

// List reads a field that is a list, nil for anything else.
func (o Object) List(name string) []any {
	switch v := o[name].(type) {
	case []any:
		return v
	case []Object:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list
	}
	return nil
}

// Objects reads a field that is a list of objects; others in it are left out.
func (o Object) Objects(name string) []Object {
	var all []Object
	for _, value := range o.List(name) {
		if one := asObject(value); one != nil {
			all = append(all, one)
		}
	}
	return all
}

// Texts reads a field that is a list of strings; others in it are left out.
func (o Object) Texts(name string) []string {
	var all []string
	for _, value := range o.List(name) {
		if text, ok := value.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// Ref reads a field that holds the id of another object, or that object itself.
func (o Object) Ref(name string) string {
	if part := o.Object(name); part != nil {
		return part.ID()
	}
	return o.Text(name)
}
