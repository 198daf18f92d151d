package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/value"
)

// Template is a compiled template, safe for concurrent use.
type Template struct {
	ops  []op
	max  int
	refs []Ref
	left []string
}

// op is one step of writing the result. Everything that does not depend on
// data is encoded at compile time and stands in the ops as literal JSON.
type op struct {
	kind    opKind
	literal []byte // opLiteral: JSON; opMember: the key with its colon
	expr    *Expr
	pointer string
	depth   int                 // arrays and objects around the expression
	text    func(string) string // opText: Options.Text
}

type opKind uint8

const (
	opLiteral opKind = iota // write literal
	opValue                 // write the expression's value as JSON
	opText                  // write it as text, inside a JSON string
	opMember                // write the member, or nothing if its value is missing
	opComma                 // write a comma unless the object is still empty
)

// Compile compiles the template v, a value of package value. Only strings are
// searched for placeholders. The error is [Faults] with all that is wrong. The
// template shares no memory with v.
func Compile(v any, opts Options) (*Template, error) {
	c := compiler{opts: opts}
	c.value(v, "", 0)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	c.flush()
	t := &Template{ops: c.ops, max: opts.MaxBytes, refs: c.refs, left: c.left}
	if t.max <= 0 {
		t.max = DefaultMaxBytes
	}
	return t, nil
}

// Refs returns every path that the template reads, by field and then by place.
func (t *Template) Refs() []Ref {
	return slices.Clone(t.refs)
}

// Left returns the pointers of the texts that were left as they are written, by
// Options.Results.
func (t *Template) Left() []string {
	return slices.Clone(t.left)
}

type compiler struct {
	opts    Options
	ops     []op
	literal []byte // JSON that is not yet an op
	refs    []Ref
	left    []string
	faults  Faults
}

func (c *compiler) fault(pointer string, f Fault) {
	f.Pointer = pointer
	c.faults = append(c.faults, f)
}

// flush makes an op of the literal JSON gathered so far.
func (c *compiler) flush() {
	if len(c.literal) > 0 {
		c.ops = append(c.ops, op{kind: opLiteral, literal: c.literal})
		c.literal = nil
	}
}

func (c *compiler) emit(o op) {
	c.flush()
	c.ops = append(c.ops, o)
	if o.expr == nil {
		return
	}
	for _, ref := range o.expr.Refs() {
		ref.Pointer = o.pointer
		c.refs = append(c.refs, ref)
	}
}

// value compiles v, which stands at pointer inside depth arrays and objects.
func (c *compiler) value(v any, pointer string, depth int) {
	switch v := v.(type) {
	case string:
		c.string(v, pointer, depth)
	case []any:
		if c.tooDeep(pointer, depth+1) {
			return
		}
		c.array(v, pointer, depth+1)
	case map[string]any:
		if c.tooDeep(pointer, depth+1) {
			return
		}
		c.object(v, pointer, depth+1)
	default:
		c.append(v, pointer)
	}
}

// append writes v as literal JSON.
func (c *compiler) append(v any, pointer string) {
	var err error
	if c.literal, err = value.Append(c.literal, v); err != nil {
		c.fault(pointer, Fault{Message: err.Error()})
	}
}

func (c *compiler) tooDeep(pointer string, depth int) bool {
	if depth <= value.MaxDepth {
		return false
	}
	c.fault(pointer, Fault{Message: fmt.Sprintf("nested deeper than %d levels", value.MaxDepth)})
	return true
}

func (c *compiler) array(list []any, pointer string, depth int) {
	c.literal = append(c.literal, '[')
	for i, v := range list {
		if i > 0 {
			c.literal = append(c.literal, ',')
		}
		c.value(v, pointer+"/"+strconv.Itoa(i), depth)
	}
	c.literal = append(c.literal, ']')
}

func (c *compiler) object(members map[string]any, pointer string, depth int) {
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	c.literal = append(c.literal, '{')
	certain := false // whether a member that is never left out was written
	for i, k := range keys {
		at := string(jsontext.Pointer(pointer).AppendToken(k))
		if j := strings.Index(k, "{{"); j >= 0 {
			c.fault(pointer, Fault{Offset: j, Message: fmt.Sprintf("the key %q holds a placeholder", abbreviate(k)), Hint: "only values can hold placeholders"})
		} else if !utf8.ValidString(k) {
			c.fault(pointer, Fault{Message: fmt.Sprintf("the key %q is not valid UTF-8", abbreviate(k))})
		}
		key := append(value.AppendString(nil, k), ':')
		if e := c.optionalMember(members[k]); e != nil {
			c.emit(op{kind: opMember, literal: key, expr: e, pointer: at, depth: depth})
			continue
		}
		switch {
		case certain:
			c.literal = append(c.literal, ',')
		case i > 0:
			c.emit(op{kind: opComma})
		}
		certain = true
		c.literal = append(c.literal, key...)
		c.value(members[k], at, depth)
	}
	c.literal = append(c.literal, '}')
}

// optionalMember returns the expression of v if v is {{path?}} and nothing
// else.
func (c *compiler) optionalMember(v any) *Expr {
	s, ok := v.(string)
	if !ok || !strings.HasPrefix(s, "{{") || !utf8.ValidString(s) {
		return nil
	}
	e, end, fault := ScanExpr(s, 2, c.opts)
	if fault != nil || end != len(s) || !e.optional {
		return nil
	}
	return e
}

// string compiles the text and placeholders of s.
func (c *compiler) string(s, pointer string, depth int) {
	if !utf8.ValidString(s) {
		c.fault(pointer, Fault{Message: "the string is not valid UTF-8"})
		return
	}
	start := strings.Index(s, "{{")
	if start < 0 {
		c.literal = value.AppendString(c.literal, s)
		return
	}
	if c.opts.Results && c.result(s, pointer) {
		return
	}
	if start == 0 && c.opts.Text == nil {
		if e, end, fault := ScanExpr(s, 2, c.opts); fault == nil && end == len(s) {
			c.whole(e, pointer, depth)
			return
		}
	}
	c.literal = append(c.literal, '"')
	rest := 0
	for start >= 0 {
		c.literal = value.AppendEscaped(c.literal, s[rest:start])
		rest = c.inText(s, start, pointer)
		if start = strings.Index(s[rest:], "{{"); start >= 0 {
			start += rest
		}
	}
	c.literal = value.AppendEscaped(c.literal, s[rest:])
	c.literal = append(c.literal, '"')
}

// result leaves a string that reads a result of another call as it is. It returns false
// for any other.
func (c *compiler) result(s, pointer string) bool {
	_, ok, err := results.Parse(s)
	switch {
	case !ok:
		return false
	case err != nil:
		c.fault(pointer, Fault{Message: err.Error()})
	default:
		c.literal = value.AppendString(c.literal, s)
		c.left = append(c.left, pointer)
	}
	return true
}

// whole compiles the expression of a string that is nothing else.
func (c *compiler) whole(e *Expr, pointer string, depth int) {
	if e.optional {
		c.fault(pointer, optionalFault(e))
		return
	}
	if v, ok := e.constant(); ok {
		c.append(v, pointer)
		return
	}
	c.emit(op{kind: opValue, expr: e, pointer: pointer, depth: depth})
}

// inText compiles the placeholder at s[start], which is part of a longer
// string, and returns the offset behind it.
func (c *compiler) inText(s string, start int, pointer string) int {
	e, end, fault := ScanExpr(s, start+2, c.opts)
	if fault != nil {
		c.fault(pointer, *fault)
		if n := strings.Index(s[start:], "}}"); n >= 0 {
			return start + n + 2
		}
		return len(s)
	}
	if e.optional {
		c.fault(pointer, optionalFault(e))
		return end
	}
	if v, ok := e.constant(); ok {
		text, err := value.Text(v)
		if err != nil {
			c.fault(pointer, Fault{Offset: start, Message: err.Error()})
		}
		c.literal = value.AppendEscaped(c.literal, text)
		return end
	}
	c.emit(op{kind: opText, expr: e, pointer: pointer, text: c.opts.Text})
	return end
}

func optionalFault(e *Expr) Fault {
	return Fault{
		Offset:  e.question,
		Message: "? leaves out a field and must be all that an object's field holds",
		Hint:    `give a default instead, as in {{path ?? ""}}`,
	}
}

// constant returns the literal that the expression is.
func (e *Expr) constant() (any, bool) {
	op := e.operands[0]
	return op.literal, op.path == nil
}
