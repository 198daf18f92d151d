package value

import (
	"encoding/json"
	"strconv"
	"strings"
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

// Kinds is a set of kinds: what a value can be that is not known yet. The zero
// Kinds is empty.
type Kinds uint8

// AnyKind holds every kind of JSON.
const AnyKind Kinds = 1<<KindNull | 1<<KindBool | 1<<KindNumber | 1<<KindString | 1<<KindArray | 1<<KindObject

// OneKind is the set of one kind.
func OneKind(k Kind) Kinds { return 1 << k & AnyKind }

// Has reports whether a kind is in the set.
func (k Kinds) Has(kind Kind) bool { return k&OneKind(kind) != 0 }

// String lists the kinds with their articles: "null or a string".
func (k Kinds) String() string {
	var names []string
	for kind := KindNull; kind <= KindObject; kind++ {
		if k.Has(kind) {
			names = append(names, kind.String())
		}
	}
	return strings.Join(names, " or ")
}
