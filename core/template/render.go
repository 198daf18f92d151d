package template

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/backflow/backflow/sdk/value"
)

// Render returns the template's value with the data of scope in place of its
// placeholders. The result belongs to the caller. Errors are those of
// [Template.AppendJSON], which is the faster way where JSON text is wanted.
func (t *Template) Render(scope Scope) (any, error) {
	b, err := t.JSON(scope)
	if err != nil {
		return nil, err
	}
	v, err := value.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("template: read the result: %w", err)
	}
	return v, nil
}

// JSON is [Template.AppendJSON] to nothing, in memory that is no larger than what
// comes out: params and outputs stay in memory as long as their run does.
func (t *Template) JSON(scope Scope) ([]byte, error) {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b, err := t.AppendJSON((*scratch)[:0], scope)
	if err != nil {
		return nil, err
	}
	if cap(b) <= maxScratch {
		*scratch = b
	}
	return bytes.Clone(b), nil
}

// scratches keeps buffers for [Template.JSON], of at most maxScratch bytes.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 64 << 10

// AppendJSON appends to dst the compact JSON of the template with the data of
// scope in place of its placeholders; keys are sorted, so that equal data give
// equal bytes. On an error dst comes back as it was. The errors are:
// *[MissingError] for a path that leads nowhere, [ErrTooLarge], and others for
// data that are no values of package value.
func (t *Template) AppendJSON(dst []byte, scope Scope) ([]byte, error) {
	start := len(dst)
	for i := range t.ops {
		var err error
		if dst, err = t.ops[i].append(dst, scope); err != nil {
			return dst[:start], err
		}
		if len(dst)-start > t.max {
			return dst[:start], fmt.Errorf("%w: more than %d bytes", ErrTooLarge, t.max)
		}
	}
	return dst, nil
}

func (o *op) append(dst []byte, scope Scope) ([]byte, error) {
	switch o.kind {
	case opLiteral:
		return append(dst, o.literal...), nil
	case opComma:
		return appendComma(dst), nil
	}
	v, ok := o.expr.find(scope)
	if !ok {
		if o.kind == opMember {
			return dst, nil
		}
		err := o.expr.missing(scope)
		err.Pointer = o.pointer
		return dst, err
	}
	var err error
	switch o.kind {
	case opText:
		dst, err = appendText(dst, v, o.text)
	case opMember:
		dst = append(appendComma(dst), o.literal...)
		dst, err = value.AppendNested(dst, v, o.depth)
	default:
		dst, err = value.AppendNested(dst, v, o.depth)
	}
	if err != nil {
		return dst, fmt.Errorf("template: render {{%s}} at %q: %w", o.expr.operands[0].path, o.pointer, err)
	}
	return dst, nil
}

// appendComma separates the next member from the one before, if there is one:
// no value ends with a brace that opens.
func appendComma(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}

// appendText writes v as part of a JSON string. Escape is Options.Text.
func appendText(dst []byte, v any, escape func(string) string) ([]byte, error) {
	text, err := value.Text(v)
	if err != nil {
		return dst, err
	}
	if escape != nil {
		text = escape(text)
	}
	return value.AppendEscaped(dst, text), nil
}
