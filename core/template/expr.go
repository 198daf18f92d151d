package template

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk/value"
)

// Expr is what stands between {{ and }}, compiled: operands joined by ??, each
// a path or, last, a literal. It is not changed once made.
type Expr struct {
	operands []operand
	optional bool // {{path?}}
	question int  // offset of that ?
}

// operand is a path with its root as first segment or, if path is nil, a
// literal.
type operand struct {
	path    value.Path
	literal any
	offset  int
}

// Ref is one path that a template or condition reads.
type Ref struct {
	// Root is the first segment of the path, such as "steps".
	Root string
	// Path is what follows the root. Under headers, the name is in lower case.
	Path value.Path
	// Pointer is the JSON Pointer of the string with the path within the
	// compiled value.
	Pointer string
	// Offset is where the path starts in that string, in bytes.
	Offset int
	// Covered says that it may lead nowhere: a default or a ? is given for that.
	Covered bool
}

// String writes the whole path.
func (r Ref) String() string {
	return append(value.Path{{Key: r.Root}}, r.Path...).String()
}

// ScanExpr reads the expression of a placeholder from src[pos], which is
// behind its {{, and returns it with the offset behind its }}. Conditions use
// it for their operands. The fault, if there is one, has no pointer.
func ScanExpr(src string, pos int, opts Options) (*Expr, int, *Fault) {
	e := &Expr{}
	i := skipSpace(src, pos)
	if strings.HasPrefix(src[i:], "}}") {
		return nil, i, &Fault{Offset: pos - 2, Message: "the placeholder is empty", Hint: bracesHint}
	}
	for {
		op, end, fault := scanOperand(src, i, opts)
		if fault != nil {
			return nil, i, fault
		}
		e.operands = append(e.operands, op)
		i = skipSpace(src, end)
		if !strings.HasPrefix(src[i:], "??") {
			break
		}
		if op.path == nil {
			return nil, i, &Fault{Offset: i, Message: "a default behind a literal is never used", Hint: "a literal can only be the last of a chain of ??"}
		}
		i = skipSpace(src, i+2)
	}
	if i < len(src) && src[i] == '?' {
		if last := e.operands[len(e.operands)-1]; len(e.operands) > 1 || last.path == nil {
			return nil, i, &Fault{Offset: i, Message: "? stands behind a single path", Hint: "use either {{path?}} or {{path ?? default}}"}
		}
		e.optional, e.question = true, i
		i = skipSpace(src, i+1)
	}
	if !strings.HasPrefix(src[i:], "}}") {
		return nil, i, unexpected(src, pos, i)
	}
	return e, i + 2, nil
}

const bracesHint = `two braces as text are written {{"{{"}}`

func skipSpace(src string, i int) int {
	for i < len(src) && strings.IndexByte(" \t\r\n", src[i]) >= 0 {
		i++
	}
	return i
}

// unexpected makes the fault for src[i], where a placeholder that starts
// behind pos should go on or end.
func unexpected(src string, pos, i int) *Fault {
	if i == len(src) || !strings.Contains(src[i:], "}}") {
		return &Fault{Offset: pos - 2, Message: "the placeholder is not closed, }} is missing", Hint: bracesHint}
	}
	r, _ := utf8.DecodeRuneInString(src[i:])
	f := &Fault{Offset: i, Message: fmt.Sprintf("%q cannot stand in a placeholder", r), Hint: `a placeholder holds a path, as in {{input.items[0].id}}, and defaults, as in {{input.name ?? "none"}}`}
	switch {
	case strings.ContainsRune("=!<>&", r) || strings.HasPrefix(src[i:], "||"):
		f.Hint = "only a condition compares, and its operators stand outside: {{payload.type}} === 'x'"
	case r == '{':
		f.Hint = "a placeholder has two braces on each side"
	case r == '(' || r == '|':
		f.Hint = "there are no functions and filters in templates"
	}
	return f
}

func scanOperand(src string, i int, opts Options) (operand, int, *Fault) {
	op := operand{offset: i}
	var end int
	var err error
	switch {
	case i == len(src):
	case src[i] == '"' || src[i] == '\'':
		op.literal, end, err = value.ScanString(src, i)
		return op, end, AsFault(err)
	case src[i] == '-' || '0' <= src[i] && src[i] <= '9':
		op.literal, end, err = value.ScanNumber(src, i)
		return op, end, AsFault(err)
	case src[i] != '[':
		op.path, end, err = value.ScanPath(src, i)
	}
	if len(op.path) == 0 && nothingNamed(err, i) {
		return op, i, unexpected(src, i, i)
	}
	if err != nil {
		return op, i, AsFault(err)
	}
	name := op.path[0].Key
	if len(op.path) == 1 {
		switch name {
		case "true", "false":
			return operand{literal: name == "true", offset: i}, end, nil
		case "null":
			return operand{offset: i}, end, nil
		}
	}
	if fault := opts.CheckRoot(name); fault != nil {
		fault.Offset = i
		return op, i, fault
	}
	op.path = lowerHeader(op.path)
	return op, end, nil
}

// nothingNamed reports whether not even the first name of a path is at offset i.
func nothingNamed(err error, i int) bool {
	var syn *value.SyntaxError
	return err == nil || errors.As(err, &syn) && syn.Offset == i
}

// AsFault turns an error of the scanners of package value into a fault without
// a pointer; nil stays nil.
func AsFault(err error) *Fault {
	if err == nil {
		return nil
	}
	f := &Fault{Message: err.Error()}
	if syn := (*value.SyntaxError)(nil); errors.As(err, &syn) {
		*f = Fault{Offset: syn.Offset, Message: syn.Message, Hint: syn.Hint}
	}
	return f
}

// Optional reports whether the expression ends in ?, as in {{input.name?}}, and
// at which offset.
func (e *Expr) Optional() (offset int, ok bool) {
	return e.question, e.optional
}

// Refs returns the paths that the expression reads, without pointers.
func (e *Expr) Refs() []Ref {
	var refs []Ref
	for i, op := range e.operands {
		if op.path != nil {
			covered := e.optional || i < len(e.operands)-1
			refs = append(refs, Ref{Root: op.path[0].Key, Path: op.path[1:], Offset: op.offset, Covered: covered})
		}
	}
	return refs
}

// IsPath reports whether the expression is a path and nothing else.
func (e *Expr) IsPath() bool { return len(e.operands) == 1 && e.operands[0].path != nil && !e.optional }

// Kinds returns the kinds of what the expression can stand for, if known says that
// of paths.
func (e *Expr) Kinds(known func(Ref) value.Kinds) value.Kinds {
	var kinds value.Kinds
	refs := e.Refs()
	for i, op := range e.operands {
		of := value.OneKind(value.KindOf(op.literal))
		if op.path != nil {
			of, refs = known(refs[0]), refs[1:]
		}
		if i < len(e.operands)-1 {
			of &^= value.OneKind(value.KindNull) // the next one replaces it
		}
		kinds |= of
	}
	return kinds
}

// Value returns what the expression stands for in scope: the first operand
// that is neither missing nor null, or else what the last one is. The result
// is shared with the scope. The only error is a *[MissingError].
func (e *Expr) Value(scope Scope) (any, error) {
	v, ok := e.find(scope)
	if !ok {
		return nil, e.missing(scope)
	}
	return v, nil
}

// find is Value without the cost of an error.
func (e *Expr) find(scope Scope) (v any, ok bool) {
	for i := range e.operands {
		op := &e.operands[i]
		if op.path == nil {
			return op.literal, true
		}
		v, ok = scope.Root(op.path[0].Key)
		if ok {
			v, ok = value.Lookup(v, op.path[1:])
		}
		if ok && v != nil {
			return v, true
		}
	}
	return v, ok
}

// missing explains why the last operand, a path, was not found.
func (e *Expr) missing(scope Scope) *MissingError {
	path := e.operands[len(e.operands)-1].path
	err := &MissingError{Path: path.String()}
	v, ok := scope.Root(path[0].Key)
	if !ok {
		err.Reason = fmt.Sprintf("there is no %q here", path[0].Key)
		return err
	}
	rest := path[1:]
	at, n := rest.Walk(v)
	err.Reason = rest[n].Absence(path[:1+n].String(), at)
	return err
}
