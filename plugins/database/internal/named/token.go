package named

import (
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// kind is that of a token.
type kind int

const (
	// space is white space or a comment.
	space kind = iota
	// quoted is a text or a name in quotes.
	quoted
	// word is a name or a keyword.
	word
	// parameter is :name.
	parameter
	// placeholder begins one of the database's own.
	placeholder
	// other is a number, or one character, or :: or :=.
	other
	// unended is a quote or a comment without an end, to the end of all.
	unended
	// executable begins a comment that the database runs.
	executable
	// escaped begins a name in which characters are written as numbers.
	escaped
)

// token is a piece of SQL. All tokens together are the text.
type token struct {
	kind kind
	text string
}

// scan returns the token at the front of a text that is not empty.
func scan(x *driver.Lexis, s string) token {
	kind, length := measure(x, s)
	if length <= 0 {
		return token{unended, s}
	}
	return token{kind, s[:length]}
}

// measure says what stands at the front of a text, and how long it is: 0 for what has
// no end.
func measure(x *driver.Lexis, s string) (kind, int) {
	switch c := s[0]; {
	case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
		return space, 1
	case strings.HasPrefix(s, "--") && (!x.DashSpace || len(s) == 2 || s[2] <= ' '), c == '#' && x.HashComments:
		return space, line(s)
	case x.ExecutableComments && (strings.HasPrefix(s, "/*!") || strings.HasPrefix(s, "/*M!")):
		return executable, 2
	case strings.HasPrefix(s, "/*"):
		return space, comment(s, x.NestedComments)
	case c == '\'' || c == '"':
		return quoted, inQuotes(s, x.Backslashes)
	case c == '`' && x.Backticks:
		return quoted, inQuotes(s, false)
	case c == '[' && x.Brackets:
		return quoted, strings.IndexByte(s, ']') + 1
	case x.EscapeStrings && (strings.HasPrefix(s, "E'") || strings.HasPrefix(s, "e'")):
		return quoted, escapeString(s)
	case x.EscapeStrings && (strings.HasPrefix(s, `U&"`) || strings.HasPrefix(s, `u&"`)):
		return escaped, len(`U&"`)
	case startsName(c):
		return word, name(s)
	case '0' <= c && c <= '9':
		return other, name(s) // with the letters that belong to it: 0x1F, 1e5
	case c == '$' && x.DollarQuotes && dollarTag(s) != "":
		tag := dollarTag(s)
		if end := strings.Index(s[len(tag):], tag); end >= 0 {
			return quoted, end + 2*len(tag)
		}
		return quoted, 0
	case strings.HasPrefix(s, "::") || strings.HasPrefix(s, ":="):
		return other, 2
	case c == ':' && len(s) > 1 && startsParameter(s[1]):
		return parameter, 1 + parameterName(s[1:])
	case strings.IndexByte(x.Placeholders, c) >= 0:
		return placeholder, 1
	}
	_, size := utf8.DecodeRuneInString(s)
	return other, size
}

// line is how long a text is up to the end of its line.
func line(s string) int {
	if end := strings.IndexByte(s, '\n'); end >= 0 {
		return end
	}
	return len(s)
}

// comment is how long a comment is that a text begins with.
func comment(s string, nested bool) int {
	depth, i := 1, 2
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "*/"):
			i += 2
			if depth--; depth == 0 {
				return i
			}
		case nested && strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		default:
			i++
		}
	}
	return 0
}

// inQuotes is how long a text in quotes is, in which the quote stands for itself twice,
// or behind a backslash.
func inQuotes(s string, backslashes bool) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case backslashes && s[i] == '\\':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return 0
}

// escapeString is how long E'…' is. Behind a line break it may go on with '…', in which
// backslashes are what they are in the first part
// (https://www.postgresql.org/docs/current/sql-syntax-lexical.html, 4.1.2.1).
func escapeString(s string) int {
	length := 1
	for {
		part := inQuotes(s[length:], true)
		if part == 0 {
			return 0
		}
		length += part
		between := len(s[length:]) - len(strings.TrimLeft(s[length:], " \t\n\r\f\v"))
		if !strings.ContainsAny(s[length:length+between], "\n\r") || !strings.HasPrefix(s[length+between:], "'") {
			return length
		}
		length += between
	}
}

// dollarTag returns the $tag$ that a text begins with, "" if it does not.
func dollarTag(s string) string {
	i := 1
	for i < len(s) && (startsName(s[i]) || i > 1 && '0' <= s[i] && s[i] <= '9') {
		i++
	}
	if i < len(s) && s[i] == '$' {
		return s[:i+1]
	}
	return ""
}

// startsName reports whether a name may begin with a byte; every one of a character
// beyond ASCII may.
func startsName(c byte) bool { return startsParameter(c) || c >= utf8.RuneSelf }

// name is how long the name is that a text begins with. A $ in it begins no quote.
func name(s string) int {
	i := 1
	for i < len(s) && (startsName(s[i]) || '0' <= s[i] && s[i] <= '9' || s[i] == '$') {
		i++
	}
	return i
}

func startsParameter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

func parameterName(s string) int {
	i := 1
	for i < len(s) && (startsParameter(s[i]) || '0' <= s[i] && s[i] <= '9') {
		i++
	}
	return i
}
