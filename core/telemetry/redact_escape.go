package telemetry

import (
	"html"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escape is a part of a text that stood for other bytes before it was decoded.
type escape struct {
	source, decoded span
}

// decodeEscapes resolves the escapes of JSON, Go, URLs and HTML in a text, once.
// changed is false if it holds none. The escapes are returned in order, if they are
// to be recorded.
func decodeEscapes(s string, record bool) (decoded string, escapes []escape, changed bool) {
	// Most texts hold none, which three quick searches show.
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '&') < 0 {
		return s, nil, false
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		next := strings.IndexAny(s[i:], `\%&`)
		if next < 0 {
			if !changed {
				return s, nil, false
			}
			b.WriteString(s[i:])
			break
		}
		b.WriteString(s[i : i+next])
		i += next
		text, length := decodeEscape(s[i:])
		if length == 0 { // no escape
			b.WriteByte(s[i])
			i++
			continue
		}
		changed = true
		if record {
			escapes = append(escapes, escape{span{i, i + length}, span{b.Len(), b.Len() + len(text)}})
		}
		b.WriteString(text)
		i += length
	}
	if !changed {
		return s, nil, false
	}
	return b.String(), escapes, true
}

// source returns the part of a text from which a part of the decoded text came.
// An escape is all in it or not at all.
func source(part span, escapes []escape) span {
	return span{sourceOf(part.start, escapes).start, sourceOf(part.end-1, escapes).end}
}

// sourceOf is source for one byte.
func sourceOf(at int, escapes []escape) span {
	next := sort.Search(len(escapes), func(i int) bool { return escapes[i].decoded.start > at })
	if next == 0 {
		return span{at, at + 1}
	}
	last := escapes[next-1]
	if at < last.decoded.end {
		return last.source
	}
	start := last.source.end + at - last.decoded.end
	return span{start, start + 1}
}

// simpleEscapes are those of one character after a backslash, in JSON and Go.
const simpleEscapes = `"\/'bfnrtav`

const simpleDecoded = "\"\\/'\b\f\n\r\t\a\v"

// decodeEscape decodes the escape with which s begins. length is that of the
// escape, 0 where s begins with no escape.
func decodeEscape(s string) (text string, length int) {
	switch {
	case s[0] == '%':
		if c, ok := hexDigits(s, 1, 2); ok {
			return string([]byte{byte(c)}), 3
		}
	case s[0] == '&':
		return decodeEntity(s)
	case len(s) < 2:
		return "", 0
	case s[1] == 'u':
		return decodeUnicode(s)
	case s[1] == 'U':
		if c, ok := hexDigits(s, 2, 8); ok {
			return string(rune(c)), 10
		}
	case s[1] == 'x':
		if c, ok := hexDigits(s, 2, 2); ok {
			return string([]byte{byte(c)}), 4
		}
	default:
		if i := strings.IndexByte(simpleEscapes, s[1]); i >= 0 {
			return simpleDecoded[i : i+1], 2
		}
	}
	return "", 0
}

// decodeUnicode decodes \uXXXX, or two of them that are a surrogate pair
// (RFC 8259, section 7).
func decodeUnicode(s string) (text string, length int) {
	c, ok := hexDigits(s, 2, 4)
	if !ok {
		return "", 0
	}
	if utf16.IsSurrogate(rune(c)) && len(s) > 7 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hexDigits(s, 8, 4); ok {
			if pair := utf16.DecodeRune(rune(c), rune(low)); pair != utf8.RuneError {
				return string(pair), 12
			}
		}
	}
	return string(rune(c)), 6
}

// maxEntity is the length of the longest HTML entity that is decoded, in bytes.
const maxEntity = 12

// decodeEntity decodes an entity of HTML, such as &amp; or &#x2F;.
func decodeEntity(s string) (text string, length int) {
	end := strings.IndexByte(s[:min(len(s), maxEntity)], ';')
	if end < 0 {
		return "", 0
	}
	if text = html.UnescapeString(s[:end+1]); text == s[:end+1] {
		return "", 0
	}
	return text, end + 1
}

// hexDigits reads a number of n hexadecimal digits.
func hexDigits(s string, from, n int) (uint64, bool) {
	if len(s) < from+n {
		return 0, false
	}
	for _, c := range []byte(s[from : from+n]) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return 0, false
		}
	}
	number, err := strconv.ParseUint(s[from:from+n], 16, 32)
	return number, err == nil
}
