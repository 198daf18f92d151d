package custom

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/backflow/backflow/core/template"
)

// path is a compiled path, which comes after the base URL.
type path struct {
	segments []segment
}

// segment is what is between two slashes.
type segment struct {
	parts   []part
	dynamic bool // it holds a placeholder
}

// part is text of the declaration or a placeholder.
type part struct {
	literal string // encoded, as it is sent
	decoded string // the literal without its encoding
	expr    *template.Expr
}

// compilePath compiles a path. Its text is sent as it is: a character that may not
// be in a path must be written as %XX.
func compilePath(source string) (*path, template.Faults) {
	c := pathCompiler{source: source}
	if !strings.HasPrefix(source, "/") {
		c.fault(0, `a path begins with "/"`, "it is put behind the base URL")
		return nil, c.faults
	}
	c.compile()
	for i, s := range c.path.segments {
		if s.dynamic {
			continue
		}
		switch text := s.text(); {
		case text == "." || text == "..":
			c.fault(0, "a path has no segment . or ..", "")
		case text == "" && i < len(c.path.segments)-1:
			c.fault(0, "a path has no empty segment", "")
		}
	}
	return &c.path, c.faults
}

type pathCompiler struct {
	source string
	path   path
	open   segment // the one that is being read
	faults template.Faults
}

func (c *pathCompiler) fault(offset int, message, hint string) {
	c.faults = append(c.faults, template.Fault{Offset: offset, Message: message, Hint: hint})
}

// compile reads the path after its first slash.
func (c *pathCompiler) compile() {
	start := 1 // of the literal that is being read
	i := 1
	for i < len(c.source) {
		switch {
		case strings.HasPrefix(c.source[i:], "{{"):
			c.literal(start, i)
			i = c.placeholder(i)
			start = i
		case c.source[i] == '/':
			c.literal(start, i)
			c.path.segments = append(c.path.segments, c.open)
			c.open = segment{}
			i++
			start = i
		default:
			i++
		}
	}
	c.literal(start, i)
	c.path.segments = append(c.path.segments, c.open)
}

// pathCharacters may be in a segment unencoded (RFC 3986, section 3.3), as may letters
// and digits.
const pathCharacters = "-._~!$&'()*+,;=:@%"

func (c *pathCompiler) literal(from, to int) {
	text := c.source[from:to]
	if text == "" {
		return
	}
	for i, r := range text {
		switch {
		case r == ':' && c.variable(text[:i], text[i+1:]) != "":
			c.fault(from+i, "a variable of a path is not written with a colon", "write {{params."+c.variable(text[:i], text[i+1:])+"}}")
			return
		case r == '{':
			name, _, _ := strings.Cut(text[i+1:], "}")
			if name = strings.Trim(name, "{}/* "); name == "" {
				name = "id"
			}
			c.fault(from+i, `'{' cannot stand in a path`, "a variable of a path is written {{params."+name+"}}, with two braces")
			return
		case r == '?':
			c.fault(from+i, "a path has no query", `write it under "query"`)
			return
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune(pathCharacters, r):
		default:
			c.fault(from+i, fmt.Sprintf("%q cannot stand in a path", r), "write it as "+url.PathEscape(string(r)))
			return
		}
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		c.fault(from, "% is not followed by two hex digits", "a percent sign itself is written %25")
		return
	}
	c.open.parts = append(c.open.parts, part{literal: text, decoded: decoded})
}

// variableName is a name behind a colon, as other programs write variables of a path.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)

// variable returns the name of a variable that a colon at the start of a segment
// begins; "" elsewhere: /items:batch is a path like any other.
func (c *pathCompiler) variable(before, after string) string {
	if before != "" && !strings.HasSuffix(before, "/") || len(c.open.parts) > 0 {
		return ""
	}
	return variableName.FindString(after)
}

// placeholder compiles the one at an offset and returns the offset after it.
func (c *pathCompiler) placeholder(at int) int {
	c.open.dynamic = true
	expr, end, fault := template.ScanExpr(c.source, at+2, templateOptions())
	if fault != nil {
		c.faults = append(c.faults, *fault)
		if n := strings.Index(c.source[at:], "}}"); n >= 0 {
			return at + n + 2
		}
		return len(c.source)
	}
	if offset, optional := expr.Optional(); optional {
		c.fault(offset, "? leaves out a field, and a path has none", `give a default instead, as in {{params.x ?? "y"}}`)
	}
	c.open.parts = append(c.open.parts, part{expr: expr})
	return end
}

// text is the decoded text of a segment without placeholders.
func (s segment) text() string {
	var b strings.Builder
	for _, p := range s.parts {
		b.WriteString(p.decoded)
	}
	return b.String()
}

// dynamic reports whether any segment holds a placeholder.
func (p *path) dynamic() bool {
	for _, s := range p.segments {
		if s.dynamic {
			return true
		}
	}
	return false
}

// render returns the path, encoded, with values in place of its placeholders. Every
// error is a *paramError.
//
// A segment that a value makes empty, or a dot segment, would name another resource
// than the declaration (RFC 3986, section 5.2.4). A value with a slash is refused if
// a server that decodes it too early would find a dot segment.
func (p *path) render(scope template.Scope) (string, error) {
	var encoded, decoded strings.Builder
	for _, s := range p.segments {
		encoded.WriteByte('/')
		decoded.Reset()
		for _, part := range s.parts {
			if part.expr == nil {
				encoded.WriteString(part.literal)
				decoded.WriteString(part.decoded)
				continue
			}
			v, err := part.expr.Value(scope)
			if err != nil {
				return "", missingError(paramOf(part.expr), err)
			}
			text, ok := scalar(v)
			switch {
			case !ok:
				return "", &paramError{paramOf(part.expr), "must be text, a number or a boolean to stand in the path"}
			case text == "":
				return "", &paramError{paramOf(part.expr), "is empty and cannot stand in the path"}
			case strings.ContainsFunc(text, isControl):
				return "", &paramError{paramOf(part.expr), "holds control characters and cannot stand in the path"}
			}
			encoded.WriteString(url.PathEscape(text))
			decoded.WriteString(text)
		}
		if s.dynamic && hasDotSegment(decoded.String()) {
			return "", &paramError{s.param(), "cannot be a path's . or .."}
		}
	}
	return encoded.String(), nil
}

// param returns the name of the param that a segment is made of.
func (s segment) param() string {
	for _, p := range s.parts {
		if p.expr != nil {
			return paramOf(p.expr)
		}
	}
	return ""
}

func hasDotSegment(text string) bool {
	for segment := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
