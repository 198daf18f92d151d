package shape

import (
	"encoding/json"
	"errors"
	"fmt"
)

// literal makes JSON of the text in a tag: `default:"EUR"` is a string where the
// field is one, and `default:"10"` a number where it is that.
func literal(s *Shape, text string) (json.RawMessage, error) {
	switch s.kind {
	case kindString, kindTime, kindDuration, kindText:
		return AppendString(nil, text), nil
	case kindBool:
		if text != "true" && text != "false" {
			return nil, errors.New("true or false is needed")
		}
		return json.RawMessage(text), nil
	case kindInt, kindUint, kindFloat, kindNumber:
		if !isNumber(text) {
			return nil, errors.New("a number is needed")
		}
		return json.RawMessage(text), nil
	case kindPointer:
		return literal(s.elem, text)
	}
	return nil, fmt.Errorf("a tag cannot write a value of %s", s.typ)
}

// isNumber reports whether text is a number of JSON (RFC 8259, 6).
func isNumber(text string) bool {
	end, ok := scanNumber(text, 0)
	return ok && end == len(text)
}
