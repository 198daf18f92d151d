package condition

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// tokenKind is the kind of a token. Operators and brackets are their own kind.
type tokenKind string

const (
	tokenEnd         tokenKind = "the end"
	tokenWord        tokenKind = "a word"
	tokenLiteral     tokenKind = "a literal"
	tokenPlaceholder tokenKind = "a placeholder"
)

// token is a word of the grammar at src[start:end].
type token struct {
	kind       tokenKind
	start, end int
	text       string         // tokenWord
	literal    any            // tokenLiteral: a string or number
	expr       *template.Expr // tokenPlaceholder
}

// operators lists the longer before those that they start with.
var operators = [...]tokenKind{
	"===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "?.",
	"<", ">", "!", "?", ":", "(", ")", "[", "]", ",", ".", "-",
}

// hints say what to write instead of what other languages have.
var hints = map[byte]string{
	'=': "use === to compare",
	'&': "use &&",
	'|': "use ||",
	'+': "conditions do not calculate", '*': "conditions do not calculate", '/': "conditions do not calculate", '%': "conditions do not calculate",
	'`': "strings stand in ' or \"",
	'{': "placeholders have two braces on each side",
	'}': "placeholders have two braces on each side",
	';': "a condition is a single expression",
}

// lex reads the token at or behind src[pos].
func lex(src string, pos int, opts template.Options) (token, *template.Fault) {
	for pos < len(src) && strings.IndexByte(" \t\r\n", src[pos]) >= 0 {
		pos++
	}
	t := token{kind: tokenEnd, start: pos, end: pos}
	if pos == len(src) {
		return t, nil
	}
	var err error
	switch c := src[pos]; {
	case strings.HasPrefix(src[pos:], "{{"):
		return lexPlaceholder(src, t, opts)
	case c == '\'' || c == '"':
		t.kind = tokenLiteral
		t.literal, t.end, err = value.ScanString(src, pos)
	case '0' <= c && c <= '9':
		t.kind = tokenLiteral
		t.literal, t.end, err = value.ScanNumber(src, pos)
	default:
		return lexWordOrOperator(src, t)
	}
	return t, template.AsFault(err)
}

func lexPlaceholder(src string, t token, opts template.Options) (token, *template.Fault) {
	expr, end, fault := template.ScanExpr(src, t.start+2, opts)
	if fault != nil {
		return t, fault
	}
	if at, ok := expr.Optional(); ok {
		return t, &template.Fault{Offset: at, Message: "{{path?}} leaves out a field, and a condition has none", Hint: "use {{path ?? null}}"}
	}
	t.kind, t.expr, t.end = tokenPlaceholder, expr, end
	return t, nil
}

func lexWordOrOperator(src string, t token) (token, *template.Fault) {
	rest := src[t.start:]
	if n := wordLen(rest); n > 0 {
		t.kind, t.text, t.end = tokenWord, rest[:n], t.start+n
		return t, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, string(op)) {
			t.kind, t.end = op, t.start+len(op)
			return t, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return t, &template.Fault{Offset: t.start, Message: fmt.Sprintf("%q cannot stand in a condition", r), Hint: hints[rest[0]]}
}

// wordLen returns the length of the identifier at the start of s.
func wordLen(s string) int {
	for i, r := range s {
		if r != '_' && r != '$' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}
