package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tailscale/hujson"

	syntax "github.com/backflow/backflow/sdk/value"
)

// maxDepth bounds how deep objects and arrays may be nested: the parser is
// recursive, and a stack overflow cannot be recovered from.
const maxDepth = 200

// parseJSON is the front end for JSON (RFC 8259) with comments and trailing
// commas (JWCC). It returns nil after a fault that leaves no tree to check. A key
// that is given twice is a fault with a tree: the first one counts.
func parseJSON(c *collector, file string, data []byte) *Node {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	at := &tracker{file: file, data: data}
	if f := syntax.Encoding(data); f != nil {
		c.add(at.pos(f.Offset), f.Hint, "the file is %s", f.Message)
		return nil
	}
	if len(bytes.TrimSpace(data)) == 0 {
		c.add(Pos{File: file}, `the smallest config is {}`, "the file is empty")
		return nil
	}
	if offset := tooDeep(data); offset >= 0 {
		c.add(at.pos(offset), "", "nested deeper than %d levels", maxDepth)
		return nil
	}
	// The copy is changed in place when comments are blanked. A line comment
	// must end with a line feed, also on the last line.
	standard := append(bytes.Clone(data), '\n')
	tree, err := hujson.Parse(standard)
	if err != nil {
		// What the parser quotes of the file may be a secret.
		f := explain(data)
		c.add(at.pos(f.Offset), f.Hint, "%s", f.Message)
		return nil
	}
	tree.Standardize()
	standard = tree.Pack()

	p := &jsonParser{
		collector: c,
		at:        at,
		data:      standard,
		// Duplicate names are found here and not by the decoder, which would
		// stop at the first.
		dec: jsontext.NewDecoder(bytes.NewReader(standard), jsontext.AllowDuplicateNames(true)),
	}
	root, err := p.parseValue()
	if err != nil {
		f := explain(data)
		c.add((&tracker{file: file, data: data}).pos(f.Offset), f.Hint, "%s", f.Message)
		return nil
	}
	return root
}

// explain says what is wrong with a file that the parsers refuse.
func explain(data []byte) *syntax.SyntaxError {
	if f := syntax.Explain(data, true); f != nil {
		return f
	}
	return &syntax.SyntaxError{Message: "not valid JSON"} // not reached: a fuzz target looks for it
}

type jsonParser struct {
	*collector
	at   *tracker
	data []byte
	dec  *jsontext.Decoder
}

// next reads a token and returns where it starts. Blanks, comments (which are
// blanks by now), commas and colons before it are skipped.
func (p *jsonParser) next() (jsontext.Token, Pos, error) {
	start := int(p.dec.InputOffset())
	for start < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[start]) >= 0 {
		start++
	}
	token, err := p.dec.ReadToken()
	return token, p.at.pos(start), err
}

func (p *jsonParser) parseValue() (*Node, error) {
	token, pos, err := p.next()
	if err != nil {
		return nil, err
	}
	n := &Node{Pos: pos}
	switch token.Kind() {
	case 'n':
		n.Kind = Null
	case 't', 'f':
		n.Kind, n.Text = Bool, token.String()
	case '0':
		n.Kind, n.Text = Number, token.String()
	case '"':
		n.Kind, n.Text = String, token.String()
	case '[':
		n.Kind = Array
		for p.dec.PeekKind() != ']' {
			element, err := p.parseValue()
			if err != nil {
				return nil, err
			}
			n.Elements = append(n.Elements, element)
		}
		_, _, err = p.next()
	case '{':
		n.Kind = Object
		err = p.parseMembers(n)
	}
	return n, err
}

func (p *jsonParser) parseMembers(n *Node) error {
	first := make(map[string]Pos)
	for p.dec.PeekKind() != '}' {
		token, pos, err := p.next()
		if err != nil {
			return err
		}
		name := token.String()
		member, err := p.parseValue()
		if err != nil {
			return err
		}
		if earlier, dup := first[name]; dup {
			p.add(pos, "the first is at "+earlier.String(), "the key %q is given twice", clip(name))
			continue
		}
		first[name] = pos
		n.Members = append(n.Members, Member{Key: name, KeyPos: pos, Value: member})
	}
	_, _, err := p.next()
	return err
}

// tooDeep returns the offset of the bracket that is nested too deep, or -1. It
// knows only strings, comments and brackets, which is all that it takes.
func tooDeep(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '/':
			var end string
			switch {
			case bytes.HasPrefix(data[i:], []byte("//")):
				end = "\n"
			case bytes.HasPrefix(data[i:], []byte("/*")):
				end = "*/"
			default:
				continue
			}
			length := bytes.Index(data[i+2:], []byte(end))
			if length < 0 {
				return -1
			}
			i += 2 + length + len(end) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return i
			}
		case '}', ']':
			depth--
		}
	}
	return -1
}

// tracker turns rising byte offsets into positions, reading the data once.
type tracker struct {
	file              string
	data              []byte
	offset, line, col int // of what was read last; line and col count from 0
}

// pos returns the position of an offset that is not below the one before.
func (t *tracker) pos(offset int) Pos {
	for t.offset < min(offset, len(t.data)) {
		if t.data[t.offset] == '\n' {
			t.line, t.col = t.line+1, 0
			t.offset++
			continue
		}
		_, size := utf8.DecodeRune(t.data[t.offset:])
		t.offset += size
		t.col++
	}
	return Pos{File: t.file, Line: t.line + 1, Col: t.col + 1}
}
