package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Path leads from a value to one inside it, a segment at a time. The empty
// path leads to the value itself. A Path is not changed once it is made.
type Path []Segment

// Segment is one step of a [Path]: a key of an object or an index of an array.
type Segment struct {
	Key     string // the key, if IsIndex is false
	Index   int    // the index from 0, if IsIndex is true
	IsIndex bool
}

// ScanPath reads the path that starts at src[pos], such as
//
//	steps.create-customer.result.id
//	items[0].price
//	metadata["any key"]
//
// and returns it with the offset behind it, which is that of the first
// character that cannot belong to it. A plain key holds letters, digits, _, $
// and -; any other key stands in brackets and quotes, single or double. An index is an
// integer, however it is written: 1.0 is 1. An
// error is a *SyntaxError.
func ScanPath(src string, pos int) (Path, int, error) {
	var p Path
	i := pos
	for {
		var seg Segment
		var err error
		switch {
		case i < len(src) && src[i] == '[':
			seg, i, err = scanBrackets(src, i)
		case len(p) == 0:
			seg, i, err = scanKey(src, i)
		case i < len(src) && src[i] == '.':
			seg, i, err = scanKey(src, i+1)
		default:
			return p, i, nil
		}
		if err != nil {
			return nil, i, err
		}
		p = append(p, seg)
	}
}

// scanKey reads a plain key.
func scanKey(src string, pos int) (Segment, int, error) {
	n := plainKeyLen(src[pos:])
	if n == 0 {
		return Segment{}, pos, &SyntaxError{Offset: pos, Message: "a name is missing", Hint: "a path reads like input.items[0].id"}
	}
	return Segment{Key: src[pos : pos+n]}, pos + n, nil
}

// plainKeyLen returns the length of the plain key at the start of s.
func plainKeyLen(s string) int {
	for i, r := range s {
		if r != '_' && r != '-' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(s)
}

// scanBrackets reads [0] or ["key"].
func scanBrackets(src string, pos int) (Segment, int, error) {
	var seg Segment
	i := pos + 1
	if i < len(src) && (src[i] == '"' || src[i] == '\'') {
		key, end, err := ScanString(src, i)
		if err != nil {
			return Segment{}, i, err
		}
		seg.Key, i = key, end
	} else {
		number, end, err := ScanNumber(src, i)
		if err != nil {
			return Segment{}, i, &SyntaxError{Offset: i, Message: "brackets hold an index or a quoted key", Hint: `as in items[0] or metadata["any key"]`}
		}
		index, ok := Index(number)
		if !ok {
			return Segment{}, i, &SyntaxError{Offset: i, Message: fmt.Sprintf("an index is an integer from 0 on, and %s is none", number)}
		}
		seg.Index, seg.IsIndex = index, true
		i = end
	}
	if i >= len(src) || src[i] != ']' {
		return Segment{}, i, &SyntaxError{Offset: i, Message: "a ] is missing"}
	}
	return seg, i + 1, nil
}

// String writes the path so that [ScanPath] reads the same one.
func (p Path) String() string {
	var b strings.Builder
	for i, seg := range p {
		switch {
		case seg.IsIndex:
			b.WriteString("[" + strconv.Itoa(seg.Index) + "]")
		case seg.Key == "" || plainKeyLen(seg.Key) != len(seg.Key):
			b.WriteByte('[')
			b.Write(AppendString(nil, seg.Key))
			b.WriteByte(']')
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(seg.Key)
		}
	}
	return b.String()
}

// Lookup returns what p leads to in v, and false if there is no such thing. A
// null that is there is found. The result is shared with v.
func Lookup(v any, p Path) (any, bool) {
	got, n := p.Walk(v)
	if n < len(p) {
		return nil, false
	}
	return got, true
}

// Walk follows the path through v as far as it leads. It returns the last
// value reached, shared with v, and how many segments led there: len(p) if
// the whole path is there.
func (p Path) Walk(v any) (any, int) {
	for i, seg := range p {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[seg.Key]
			if !ok || seg.IsIndex {
				return v, i
			}
			v = next
		case []any:
			if !seg.IsIndex || seg.Index < 0 || seg.Index >= len(in) {
				return v, i
			}
			v = in[seg.Index]
		default:
			return v, i
		}
	}
	return v, len(p)
}

// Absence says, for a message, why seg leads nowhere in v, which is called
// name. It names the kind of v, never its content.
func (seg Segment) Absence(name string, v any) string {
	switch in := v.(type) {
	case map[string]any:
		if !seg.IsIndex {
			return fmt.Sprintf("%s has no %q", name, seg.Key)
		}
	case []any:
		switch {
		case !seg.IsIndex:
			return fmt.Sprintf("%s is an array, an element of it is read as %s[0]", name, name)
		case len(in) == 1:
			return name + " has 1 element"
		default:
			return fmt.Sprintf("%s has %d elements", name, len(in))
		}
	}
	wanted := KindObject
	if seg.IsIndex {
		wanted = KindArray
	}
	return fmt.Sprintf("%s is %s, not %s", name, KindOf(v), wanted)
}
