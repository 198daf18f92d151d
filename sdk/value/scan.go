package value

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ScanNumber reads the JSON number that starts at src[pos] and returns it with
// the offset behind it. The limits [MaxNumberLen] and [MaxExponent] hold. An
// error is a *SyntaxError.
func ScanNumber(src string, pos int) (json.Number, int, error) {
	n, err := scanNumber(src, pos)
	if err != nil {
		return "", pos, err
	}
	return json.Number(src[pos : pos+n]), pos + n, nil
}

// checkNumber says why lit is not the literal of a number that this package
// accepts; nil if it is.
func checkNumber(lit string) *SyntaxError {
	n, err := scanNumber(lit, 0)
	if err == nil && n != len(lit) {
		err = &SyntaxError{Offset: n, Message: "not a JSON number"}
	}
	return err
}

// scanNumber returns the length of the number at src[pos].
func scanNumber(src string, pos int) (int, *SyntaxError) {
	i := pos
	if i < len(src) && src[i] == '-' {
		i++
	}
	whole := digits(src, i)
	switch {
	case whole == 0:
		return 0, &SyntaxError{Offset: i, Message: "not a number"}
	case whole > 1 && src[i] == '0':
		return 0, &SyntaxError{Offset: i, Message: "a number may not start with 0"}
	}
	i += whole
	if i < len(src) && src[i] == '.' {
		fraction := digits(src, i+1)
		if fraction == 0 {
			return 0, &SyntaxError{Offset: i, Message: "a number needs digits after its point"}
		}
		i += 1 + fraction
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		start := i
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		n := digits(src, i)
		if n == 0 {
			return 0, &SyntaxError{Offset: start, Message: "a number needs digits after its e"}
		}
		exp := strings.TrimLeft(src[i:i+n], "0")
		if v, _ := strconv.Atoi(exp); len(exp) > 4 || v > MaxExponent { // no error: at most four digits count
			return 0, &SyntaxError{Offset: start, Message: fmt.Sprintf("the exponent is beyond %d", MaxExponent)}
		}
		i += n
	}
	if i-pos > MaxNumberLen {
		return 0, &SyntaxError{Offset: pos, Message: fmt.Sprintf("the number is longer than %d bytes", MaxNumberLen)}
	}
	return i - pos, nil
}

// digits counts the decimal digits that start at src[i].
func digits(src string, i int) int {
	n := 0
	for i+n < len(src) && '0' <= src[i+n] && src[i+n] <= '9' {
		n++
	}
	return n
}

// ScanString reads the string literal that starts at src[pos] with ' or " and
// returns it with the offset behind its closing quote. The escapes are those
// of JSON and \'. An error is a *SyntaxError.
func ScanString(src string, pos int) (string, int, error) {
	quote := src[pos]
	i := pos + 1
	for i < len(src) && src[i] != quote && src[i] != '\\' && src[i] >= ' ' {
		i++
	}
	if i < len(src) && src[i] == quote {
		return src[pos+1 : i], i + 1, nil
	}
	out := []byte(src[pos+1 : i])
	for i < len(src) {
		switch c := src[i]; {
		case c == quote:
			return string(out), i + 1, nil
		case c < ' ':
			return "", i, &SyntaxError{Offset: i, Message: "a control character stands in a string", Hint: `write it as an escape such as \n`}
		case c != '\\':
			out = append(out, c)
			i++
		default:
			r, n, err := scanEscape(src, i)
			if err != nil {
				return "", i, err
			}
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return "", len(src), &SyntaxError{Offset: pos, Message: fmt.Sprintf("the string is not closed, a %c is missing", quote)}
}

// scanEscape reads the escape at src[i], which is a backslash, and returns the
// character and the length of the escape.
func scanEscape(src string, i int) (rune, int, error) {
	if i+1 < len(src) {
		switch src[i+1] {
		case '"', '\'', '\\', '/':
			return rune(src[i+1]), 2, nil
		case 'b':
			return '\b', 2, nil
		case 'f':
			return '\f', 2, nil
		case 'n':
			return '\n', 2, nil
		case 'r':
			return '\r', 2, nil
		case 't':
			return '\t', 2, nil
		case 'u':
			r, ok := scanHex(src, i)
			if !ok {
				return 0, 0, &SyntaxError{Offset: i, Message: `\u needs four hexadecimal digits`}
			}
			if !utf16.IsSurrogate(r) {
				return r, 6, nil
			}
			if low, ok := scanHex(src, i+6); ok {
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					return r, 12, nil
				}
			}
			return 0, 0, &SyntaxError{Offset: i, Message: "half of a surrogate pair is no character"}
		}
	}
	return 0, 0, &SyntaxError{Offset: i, Message: "unknown escape", Hint: `a backslash itself is written \\`}
}

// scanHex reads \uXXXX at src[i].
func scanHex(src string, i int) (rune, bool) {
	if i+6 > len(src) || src[i] != '\\' || src[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(src[i+2:i+6], 16, 16)
	return rune(n), err == nil
}
