package value

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Explain says what is wrong with a text that is no JSON (RFC 8259), what is missing,
// and where. It is for texts that a parser has refused, whose own messages say what
// the parser met instead. It returns nil for what it knows nothing of: duplicate keys
// and what exceeds limits among it. relaxed accepts comments and trailing commas.
//
// Of the text it repeats keys and single words, never what stands in quotes as a value.
func Explain(text []byte, relaxed bool) *SyntaxError {
	if f := Encoding(text); f != nil {
		return f
	}
	e := explainer{text: string(text), relaxed: relaxed}
	e.document()
	return e.found
}

// Encoding says what a text is encoded in that is no UTF-8; nil if it is.
func Encoding(text []byte) *SyntaxError {
	const save = "JSON is UTF-8: save it so"
	prefixes := []struct{ prefix, what, hint string }{
		{"\x1f\x8b", "compressed with gzip, and not JSON", "uncompress it first"},
		{"PK\x03\x04", "a ZIP archive, and not JSON", ""},
		{"\x28\xb5\x2f\xfd", "compressed with zstd, and not JSON", "uncompress it first"},
		{"\xff\xfe\x00\x00", "encoded in UTF-32", save}, {"\x00\x00\xfe\xff", "encoded in UTF-32", save},
		{"\xff\xfe", "encoded in UTF-16", save}, {"\xfe\xff", "encoded in UTF-16", save},
	}
	for _, p := range prefixes {
		if bytes.HasPrefix(text, []byte(p.prefix)) {
			return &SyntaxError{Message: p.what, Hint: p.hint}
		}
	}
	if len(text) >= 2 && (text[0] == 0) != (text[1] == 0) { // RFC 4627, section 3
		return &SyntaxError{Message: "encoded in UTF-16", Hint: save}
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return &SyntaxError{Offset: i, Message: "binary, and not JSON: it holds a zero byte"}
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			f := &SyntaxError{Offset: i, Message: fmt.Sprintf("not UTF-8: the byte 0x%02X stands alone", text[i]), Hint: save}
			if text[i] >= 0xa0 { // as letters with accents are in Latin-1 and Windows-1252
				f.Message += fmt.Sprintf(", as %c does in Latin-1", text[i])
			}
			return f
		}
		i += size
	}
	return nil
}

// explainer reads a text until something is wrong.
type explainer struct {
	text    string
	relaxed bool
	at      int
	open    []int // offsets of the brackets that are not closed
	found   *SyntaxError
}

// fail notes what is wrong. It returns false, as what reads does after that.
func (e *explainer) fail(offset int, hint, format string, args ...any) bool {
	if e.found == nil {
		e.found = &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	return false
}

func (e *explainer) document() {
	if strings.HasPrefix(e.text, "\ufeff") {
		e.fail(0, "save it without", "there is a byte order mark before the JSON")
		return
	}
	if !e.skip() {
		return
	}
	if e.at == len(e.text) {
		e.fail(e.at, "", "no JSON value, the text is empty")
		return
	}
	if !e.value() || !e.skip() || e.at == len(e.text) {
		return
	}
	switch c := e.text[e.at]; c {
	case '}', ']':
		e.fail(e.at, "leave it out, or open what it closes", "%c closes nothing", c)
	case ',':
		e.fail(e.at, "leave it out", "there is a comma after the JSON value")
	default:
		e.fail(e.at, "a list of values stands in brackets: [ … ]", "there is more after the JSON value")
	}
}

// skip reads over blanks and comments.
func (e *explainer) skip() bool {
	for e.at < len(e.text) {
		rest := e.text[e.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			e.at++
		case strings.HasPrefix(rest, "//") && e.relaxed:
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			if i := strings.IndexAny(rest[:n], "\u2028\u2029"); i >= 0 {
				return e.fail(e.at+i, "leave it out", "a character that ends lines elsewhere stands in a comment")
			}
			e.at += n
		case strings.HasPrefix(rest, "/*") && e.relaxed:
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return e.fail(e.at, "", "the comment is not closed, */ is missing")
			}
			e.at += n + 4
		case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
			return e.fail(e.at, "leave it out", "JSON has no comments")
		case rest[0] == '#' && e.relaxed:
			return e.fail(e.at, "a comment begins with //", "# begins no comment")
		case rest[0] == '#':
			return e.fail(e.at, "leave it out", "JSON has no comments")
		default:
			return true
		}
	}
	return true
}

// value reads the value that begins here. Brackets are kept in a list, so that no
// nesting is too deep.
func (e *explainer) value() bool {
	for {
		if !e.scalarOrOpen() {
			return false
		}
		for {
			if len(e.open) == 0 {
				return true
			}
			more, ok := e.next()
			if !ok {
				return false
			}
			if more {
				break
			}
		}
	}
}

// scalarOrOpen reads a scalar, or the brackets that begin a list or an object, up to
// the first scalar in them or the end of an empty one.
func (e *explainer) scalarOrOpen() bool {
	for {
		if e.at == len(e.text) {
			return e.ended()
		}
		switch c := e.text[e.at]; {
		case c == '"':
			return e.string()
		case c == '{' || c == '[':
			e.open = append(e.open, e.at)
			e.at++
			if !e.skip() {
				return false
			}
			if e.at < len(e.text) && e.text[e.at] == c+2 { // } is two behind {, as ] is behind [
				return true // next closes it
			}
			if c == '{' && !e.key() {
				return false
			}
		case c == '-' || c == '+' || c == '.' || '0' <= c && c <= '9':
			return e.number()
		default:
			return e.wrongValue(c)
		}
	}
}

// next reads what stands behind a value in a list or an object. more says that another
// value begins here.
func (e *explainer) next() (more, ok bool) {
	end := e.at
	if !e.skip() {
		return false, false
	}
	opener := e.open[len(e.open)-1]
	object := e.text[opener] == '{'
	if e.at == len(e.text) {
		return false, e.ended()
	}
	switch c := e.text[e.at]; {
	case c == '}' && object, c == ']' && !object:
		e.open = e.open[:len(e.open)-1]
		e.at++
		return false, true
	case c == '}' || c == ']':
		return false, e.fail(e.at, "", "%s is missing before %c: the %s of %s is not closed", closer(e.text[opener]), c, kindOfBracket(e.text[opener]), e.place(opener))
	case c == ',':
		return e.afterComma(object)
	case c == ':' && !object:
		return false, e.fail(e.at, "names stand in an object: { … }", "a list has no names")
	case c == ';':
		return false, e.fail(e.at, "write a comma", "values are separated by commas")
	case c == ':':
		return false, e.fail(e.at, "", "a comma is missing before the next key")
	default:
		what := "the next value"
		if object {
			what = "the next key"
		}
		return false, e.fail(end, "", "a comma is missing before %s", what)
	}
}

// afterComma reads over a comma, and the key behind it.
func (e *explainer) afterComma(object bool) (more, ok bool) {
	comma := e.at
	e.at++
	if !e.skip() {
		return false, false
	}
	if e.at == len(e.text) {
		return false, e.ended()
	}
	switch c := e.text[e.at]; {
	case (c == '}' || c == ']') && e.relaxed:
		return false, true
	case c == '}' || c == ']':
		return false, e.fail(comma, "leave it out", "there is a comma before %c", c)
	case c == ',':
		return false, e.fail(e.at, "leave one out", "there are two commas, and nothing between them")
	}
	if object {
		return true, e.key()
	}
	return true, true
}

// key reads a key and the colon behind it.
func (e *explainer) key() bool {
	if e.at == len(e.text) {
		return e.ended()
	}
	start := e.at
	switch c := e.text[e.at]; {
	case c == '"':
		if !e.string() {
			return false
		}
	case c == '\'' || c == '`':
		return e.fail(e.at, `write "`, "keys stand in double quotes")
	case c == ',':
		return e.fail(e.at, "leave it out", "a key is missing before the comma")
	default:
		word := e.word()
		if word == "" {
			return e.fail(e.at, `as in { "name": 1 }`, "a key is missing")
		}
		return e.fail(e.at, fmt.Sprintf("write %q", word), "the key %s stands without quotes", word)
	}
	name, end := e.text[start:e.at], e.at
	if !e.skip() {
		return false
	}
	if e.at == len(e.text) || e.text[e.at] != ':' {
		const most = 60 // bytes, so that a message stays readable
		if len(name) > most {
			name = strings.ToValidUTF8(name[:most], "") + "…"
		}
		return e.fail(end, "", "a colon is missing behind the key %s", name)
	}
	e.at++
	return e.skip()
}

// string reads a string.
func (e *explainer) string() bool {
	start := e.at
	for e.at++; e.at < len(e.text); {
		switch c := e.text[e.at]; {
		case c == '"':
			e.at++
			return true
		case c == '\n' || c == '\r':
			return e.fail(start, `a line end in a string is written \n`, `the string is not closed, a " is missing in its line`)
		case c < ' ':
			return e.fail(e.at, fmt.Sprintf(`write it as \u%04x`, c), "a control character stands in a string")
		case c == '\\':
			if !e.escape() {
				return false
			}
		default:
			e.at++
		}
	}
	return e.fail(start, "", `the string is not closed, a " is missing`)
}

// escape reads an escape in a string.
func (e *explainer) escape() bool {
	if e.at+1 == len(e.text) {
		e.at++
		return true // the string is not closed
	}
	if c := e.text[e.at+1]; c != 'u' {
		if strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return e.fail(e.at, `a backslash itself is written \\`, "unknown escape in a string")
		}
		e.at += 2
		return true
	}
	r, ok := scanHex(e.text, e.at)
	if !ok {
		return e.fail(e.at, `as in \u00e4`, `\u needs four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		e.at += 6
		return true
	}
	if low, ok := scanHex(e.text, e.at+6); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		e.at += 12
		return true
	}
	return e.fail(e.at, `a character beyond U+FFFF is written as both halves, as in \ud83d\ude00`, `%s is half of a surrogate pair, and no character`, strings.ToLower(e.text[e.at:e.at+6]))
}

// number reads a number.
func (e *explainer) number() bool {
	start := e.at
	switch e.text[e.at] {
	case '+':
		return e.fail(e.at, "leave the + out", "a number does not begin with +")
	case '.':
		return e.fail(e.at, "write 0 before it", "a number does not begin with a point")
	}
	n, err := scanNumber(e.text, e.at)
	if err != nil {
		if strings.HasPrefix(e.text[start:], "-Infinity") {
			return e.fail(start, "", "JSON has no infinite numbers")
		}
		return e.fail(err.Offset, err.Hint, "%s", err.Message)
	}
	e.at += n
	if word := e.word(); word != "" {
		return e.fail(e.at, "a number is written in decimal digits, and text in quotes", "%s cannot stand behind a number", word)
	}
	return true
}

// wrongValue says what is wrong with what stands where a value is expected, unless it is
// true, false or null.
func (e *explainer) wrongValue(c byte) bool {
	switch c {
	case '\'', '`':
		return e.fail(e.at, `write "`, "strings stand in double quotes")
	case '}', ']', ',', ':':
		return e.fail(e.at, "", "a value is missing before %c", c)
	}
	word := e.word()
	switch {
	case word == "true" || word == "false" || word == "null":
		e.at += len(word)
		return true
	case strings.EqualFold(word, "true"), strings.EqualFold(word, "false"), strings.EqualFold(word, "null"):
		return e.fail(e.at, "write "+strings.ToLower(word), "%s is no value", word)
	case word == "None" || word == "nil" || word == "undefined":
		return e.fail(e.at, "write null", "%s is no value", word)
	case word == "NaN" || word == "Infinity":
		return e.fail(e.at, "write null, or a text", "JSON has no %s", word)
	case word != "":
		return e.fail(e.at, "text stands in double quotes", "a word without quotes is no value")
	}
	r, _ := utf8.DecodeRuneInString(e.text[e.at:])
	if strings.ContainsRune("“”‘’„", r) {
		return e.fail(e.at, `write "`, "%c is a quotation mark of typography, and quotes no string", r)
	}
	return e.fail(e.at, "", "%q cannot stand where a value is expected", r)
}

// word returns the letters and digits that stand here, at most a few.
func (e *explainer) word() string {
	const most = 20
	rest := e.text[e.at:]
	n := 0
	for i, r := range rest {
		if r != '_' && r != '$' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) || i > most {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	return rest[:n]
}

// ended says what is missing at the end of the text.
func (e *explainer) ended() bool {
	if len(e.open) == 0 {
		return e.fail(e.at, "", "a value is missing at the end")
	}
	opener := e.open[len(e.open)-1]
	return e.fail(e.at, "", "%s is missing at the end: the %s of %s is not closed", closer(e.text[opener]), kindOfBracket(e.text[opener]), e.place(opener))
}

// place is a line and a column in the text.
func (e *explainer) place(offset int) string {
	before := e.text[:offset]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("line %d, column %d", line+1, column+1)
}

// closer is the bracket that closes one.
func closer(opener byte) string { return string(rune(opener + 2)) }

func kindOfBracket(opener byte) string {
	if opener == '{' {
		return "object"
	}
	return "list"
}
