package shape

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// firstSize holds most results, so that they need not grow from nothing.
const firstSize = 256

// Append writes the value v, which has the type of the shape, to the end of data.
// Fields are written in their order, nil slices and maps as empty ones.
func (s *Shape) Append(data []byte, v reflect.Value) ([]byte, error) {
	if s.kind == kindRaw && v.Len() > 0 {
		return append(data, v.Bytes()...), nil // its reader checks it
	}
	if data == nil {
		data = make([]byte, 0, firstSize)
	}
	return s.append(data, v, false)
}

// AppendInput writes params: fields with a default that are zero are left out, so
// that they get it.
func (s *Shape) AppendInput(data []byte, v reflect.Value) ([]byte, error) {
	return s.append(data, v, true)
}

func (s *Shape) append(data []byte, v reflect.Value, input bool) ([]byte, error) {
	switch s.kind {
	case kindString:
		return AppendString(data, v.String()), nil
	case kindStruct:
		return s.appendStruct(data, v, input)
	case kindBool:
		return strconv.AppendBool(data, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(data, v.Int(), 10), nil
	case kindUint:
		return strconv.AppendUint(data, v.Uint(), 10), nil
	case kindNumber:
		if text := v.String(); text == "" {
			return append(data, '0'), nil
		} else if !isNumber(text) {
			return nil, errors.New("a json.Number is no number")
		}
		return append(data, v.String()...), nil
	case kindPointer:
		if v.IsNil() {
			return append(data, "null"...), nil
		}
		return s.elem.append(data, v.Elem(), input)
	case kindSlice:
		return s.appendSlice(data, v, input)
	case kindMap:
		return s.appendMap(data, v, input)
	case kindRaw:
		raw := string(v.Bytes())
		if len(raw) == 0 {
			return append(data, "null"...), nil
		}
		begin := space(raw, 0)
		if end, ok := skip(raw, begin, 0); !ok || space(raw, end) != len(raw) {
			return nil, errors.New("a json.RawMessage is not valid JSON")
		}
		return append(data, raw...), nil
	case kindFloat:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("JSON cannot write the number %v", f)
		}
		format := byte('f')
		if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(data, f, format, -1, s.typ.Bits()), nil
	case kindTime:
		t := v.Interface().(time.Time)
		return append(t.AppendFormat(append(data, '"'), time.RFC3339Nano), '"'), nil
	case kindDuration:
		return AppendString(data, time.Duration(v.Int()).String()), nil
	case kindBytes:
		data = append(data, '"')
		return append(base64.StdEncoding.AppendEncode(data, v.Bytes()), '"'), nil
	}
	return s.appendOwn(data, v)
}

// appendOwn writes a value of a type that writes itself.
func (s *Shape) appendOwn(data []byte, v reflect.Value) ([]byte, error) {
	// The methods may be the pointer's.
	p := reflect.New(s.typ)
	p.Elem().Set(v)
	if s.kind == kindCustom {
		own, err := p.Interface().(json.Marshaler).MarshalJSON()
		if err != nil || !json.Valid(own) {
			return nil, errors.Join(fmt.Errorf("%s writes no valid JSON", s.typ), err)
		}
		return append(data, own...), nil
	}
	text, err := p.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, fmt.Errorf("%s writes no text: %w", s.typ, err)
	}
	return AppendString(data, string(text)), nil
}

func (s *Shape) appendStruct(data []byte, v reflect.Value, input bool) ([]byte, error) {
	data = append(data, '{')
	empty := true
	for i := range s.fields {
		f := &s.fields[i]
		value := f.of(v)
		if (f.omit || input && f.optional) && leftOut(value) {
			continue
		}
		if !empty {
			data = append(data, ',')
		}
		empty = false
		var err error
		data = append(data, f.label...)
		if data, err = f.shape.append(data, value, input); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return append(data, '}'), nil
}

// leftOut reports whether a field that may be left out is.
func leftOut(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

func (s *Shape) appendSlice(data []byte, v reflect.Value, input bool) ([]byte, error) {
	data = append(data, '[')
	for i := range v.Len() {
		if i > 0 {
			data = append(data, ',')
		}
		var err error
		if data, err = s.elem.append(data, v.Index(i), input); err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
	}
	return append(data, ']'), nil
}

// appendMap writes the names in their order, so that equal maps are equal bytes.
func (s *Shape) appendMap(data []byte, v reflect.Value, input bool) ([]byte, error) {
	values := make(map[string]reflect.Value, v.Len())
	for iteration := v.MapRange(); iteration.Next(); {
		values[iteration.Key().String()] = iteration.Value()
	}
	data = append(data, '{')
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			data = append(data, ',')
		}
		var err error
		data = append(AppendString(data, name), ':')
		if data, err = s.elem.append(data, values[name], input); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return append(data, '}'), nil
}

// AppendString writes a string as JSON. What is no UTF-8 becomes U+FFFD.
func AppendString(data []byte, text string) []byte {
	data = append(data, '"')
	if plain(text, 0) == len(text) && (ascii(text) || utf8.ValidString(text)) {
		return append(append(data, text...), '"')
	}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			data = append(data, '\\', byte(r))
		case r == '\n':
			data = append(data, '\\', 'n')
		case r == '\t':
			data = append(data, '\\', 't')
		case r == '\r':
			data = append(data, '\\', 'r')
		case r < 0x20:
			const hex = "0123456789abcdef"
			data = append(data, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			data = utf8.AppendRune(data, r)
		}
	}
	return append(data, '"')
}

// ascii reports whether a text is ASCII, in fewer turns than utf8.ValidString.
func ascii(text string) bool {
	i := 0
	for ; i+32 <= len(text); i += 32 {
		if (word64(text, i)|word64(text, i+8)|word64(text, i+16)|word64(text, i+24))&highs != 0 {
			return false
		}
	}
	for ; i+8 <= len(text); i += 8 {
		if word64(text, i)&highs != 0 {
			return false
		}
	}
	for ; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
