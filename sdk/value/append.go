package value

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Marshal returns v as compact JSON. See [Append].
func Marshal(v any) ([]byte, error) {
	return Append(nil, v)
}

// Append appends v to dst as compact JSON: keys in ascending order of their
// bytes, so that equal values give equal text; numbers as written; no more
// escapes than JSON asks for (so none of HTML). Bytes of a Go string that are
// no UTF-8 become U+FFFD. An error means that v holds something that is no
// value, or exceeds the limits of this package; dst is then returned with an
// unusable rest.
func Append(dst []byte, v any) ([]byte, error) {
	return AppendNested(dst, v, 0)
}

// AppendNested is [Append] for a value that will stand inside depth arrays and
// objects which the caller writes: they count towards [MaxDepth].
func AppendNested(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return AppendString(dst, v), nil
	case json.Number:
		if err := checkNumber(string(v)); err != nil {
			return dst, fmt.Errorf("value: encode number: %s", err.Message)
		}
		return append(dst, v...), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case []any:
		return appendArray(dst, v, depth+1)
	case map[string]any:
		return appendObject(dst, v, depth+1)
	}
	return dst, fmt.Errorf("value: encode: %T is not a JSON value of this program", v)
}

var errDepth = errors.New("value: encode: nested deeper than " + strconv.Itoa(MaxDepth) + " levels")

func appendArray(dst []byte, list []any, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, errDepth
	}
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = AppendNested(dst, v, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, members map[string]any, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, errDepth
	}
	var few [16]string // keeps the keys of most objects off the heap
	keys := few[:0]
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, k)
		dst = append(dst, ':')
		var err error
		if dst, err = AppendNested(dst, members[k], depth); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// AppendString appends s to dst as a JSON string.
func AppendString(dst []byte, s string) []byte {
	if isPlain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	dst, _ = jsontext.AppendQuote(dst, s) // the error only says that bytes became U+FFFD, as documented
	return dst
}

// AppendEscaped appends s to dst as [AppendString] does, but without the
// quotes around it, so that it can be part of a longer JSON string.
func AppendEscaped(dst []byte, s string) []byte {
	if isPlain(s) {
		return append(dst, s...)
	}
	start := len(dst)
	dst = AppendString(dst, s)
	copy(dst[start:], dst[start+1:])
	return dst[:len(dst)-2]
}

// isPlain reports whether s is the same inside a JSON string.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Text returns v as it is rendered inside a longer text: a string as it is, a
// number as written, true, false and null by these words, an array or object
// as compact JSON. Errors are those of [Append].
func Text(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := Marshal(v)
	if err != nil {
		return "", err
	}
	return string(b), nil
}
