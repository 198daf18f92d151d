package condition

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// Bounds of a condition.
const (
	// MaxSource is the length of the source, in bytes.
	MaxSource = 4096
	// MaxNesting is how deep brackets, !, ? : and arguments may be nested.
	MaxNesting = 64
	// MaxString is the longest string, in bytes, that toLowerCase makes.
	MaxString = 64 << 10
)

// Condition is a compiled condition, safe for concurrent use.
type Condition struct {
	src  string
	root node
	refs []template.Ref
}

// Compile compiles src. The error is [template.Faults], whose offsets are
// bytes in src. Unless the options say that the source was checked before, what can
// only fail whatever the data are is a fault too.
func Compile(src string, opts template.Options) (*Condition, error) {
	if len(src) > MaxSource {
		return nil, template.Faults{{Message: fmt.Sprintf("the condition is longer than %d bytes", MaxSource)}}
	}
	if !utf8.ValidString(src) {
		return nil, template.Faults{{Message: "the condition is not valid UTF-8"}}
	}
	p := parser{src: src, opts: opts}
	root := p.condition()
	c := &Condition{src: src, root: root, refs: p.refs}
	if root != nil && !opts.Checked {
		for _, f := range c.Check(nothing) {
			p.faults = append(p.faults, f.Fault)
		}
	}
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b template.Fault) int { return a.Offset - b.Offset })
		return nil, p.faults
	}
	slices.SortFunc(c.refs, func(a, b template.Ref) int { return a.Offset - b.Offset })
	return c, nil
}

// Eval reports whether the condition holds for scope. An error is an *[Error].
// If a path led nowhere, it wraps a *[template.MissingError].
func (c *Condition) Eval(scope template.Scope) (bool, error) {
	e := evaluation{src: c.src, scope: scope}
	return e.boolean(c.root, "a condition")
}

// Refs returns every path that the condition reads, in its order. Of a path
// with a computed index, it is the part before.
func (c *Condition) Refs() []template.Ref {
	return slices.Clone(c.refs)
}

// String returns the source.
func (c *Condition) String() string {
	return c.src
}

// Error says why a condition is neither true nor false for the data at hand. It names
// kinds and paths, never the content of data.
type Error struct {
	// Offset is where in the source the fault shows, in bytes.
	Offset int
	// Message says what is wrong.
	Message string
	// Hint says what to do about it; it may be empty.
	Hint string
	// Err is the cause, or nil.
	Err error
}

// Error gives place, message and hint.
func (e *Error) Error() string {
	s := fmt.Sprintf("condition: at byte %d: %s", e.Offset, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// evaluation is one evaluation of a condition.
type evaluation struct {
	src   string
	scope template.Scope
}

// text returns the source of a part, for messages.
func (e evaluation) text(s span) string {
	const most = 60
	text := e.src[s.start:s.end]
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

// is says of what kind a part is: "payload.amount is a string".
func (e evaluation) is(n node, v any) string {
	return e.text(n.place()) + " is " + value.KindOf(v).String()
}

// boolean evaluates n, which must be boolean because what needs it.
func (e evaluation) boolean(n node, what string) (bool, error) {
	v, err := n.eval(e)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, notBoolean(n.place().start, what, e.is(n, v))
	}
	return b, nil
}

func notBoolean(offset int, what, is string) *Error {
	return &Error{Offset: offset, Message: what + " must be a boolean, and " + is, Hint: "compare it, as in {{payload.name}} === 'x'"}
}

// missing wraps the cause with the place.
func missing(offset int, err error) error {
	if m := (*template.MissingError)(nil); !errors.As(err, &m) {
		return err
	}
	return &Error{Offset: offset, Message: err.Error(), Hint: "?. and ?? cover what may be missing", Err: err}
}
