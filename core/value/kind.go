package value

import (
	"encoding/json"
	"strconv"
)

// Kind is the JSON type of a value.
type Kind uint8

// The kinds of JSON. KindInvalid is a Go value that is no value of this
// package, such as a float64 or a struct.
const (
	KindInvalid Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// KindOf returns the kind of v.
func KindOf(v any) Kind {
	switch v.(type) {
	case nil:
		return KindNull
	case bool:
		return KindBool
	case string:
		return KindString
	case json.Number, int, int64:
		return KindNumber
	case []any:
		return KindArray
	case map[string]any:
		return KindObject
	}
	return KindInvalid
}

// String names the kind with its article, for messages: "a string", "null".
func (k Kind) String() string {
	switch k {
	case KindNull:
		return "null"
	case KindBool:
		return "a boolean"
	case KindNumber:
		return "a number"
	case KindString:
		return "a string"
	case KindArray:
		return "an array"
	case KindObject:
		return "an object"
	}
	return "not a JSON value"
}

// AsNumber returns the number that v is, and false if v is of another kind.
func AsNumber(v any) (json.Number, bool) {
	switch n := v.(type) {
	case json.Number:
		return n, true
	case int:
		return json.Number(strconv.Itoa(n)), true
	case int64:
		return json.Number(strconv.FormatInt(n, 10)), true
	}
	return "", false
}
