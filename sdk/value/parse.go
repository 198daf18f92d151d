package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits on what [Parse] accepts and [Append] writes. They are far above what
// data needs and far below what could exhaust a stack or keep a processor
// busy: a JSON Schema check, for one, expands a number to all its digits.
const (
	// MaxDepth is how many arrays and objects may be nested in each other.
	MaxDepth = 512
	// MaxNumberLen is the length of a number's literal, in bytes.
	MaxNumberLen = 1024
	// MaxExponent is the largest exponent of a number, of either sign.
	MaxExponent = 1024
)

// SyntaxError is text that is not what it should be, with the place.
type SyntaxError struct {
	// Pointer is the JSON Pointer (RFC 6901) of the value in which the fault
	// lies; empty at the top level and for text that is not JSON.
	Pointer string
	// Offset is where the fault lies, in bytes from the start of the text.
	Offset int
	// Message says what is wrong.
	Message string
	// Hint says what to write instead; it may be empty.
	Hint string
}

// Error gives the message with its place.
func (e *SyntaxError) Error() string {
	s := e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	if e.Pointer != "" {
		return fmt.Sprintf("%s: at byte %d: %s", e.Pointer, e.Offset, s)
	}
	return fmt.Sprintf("at byte %d: %s", e.Offset, s)
}

// Parse reads the one JSON value (RFC 8259) that b holds. Numbers come out as
// json.Number, exactly as written. It refuses, with a *SyntaxError: duplicate
// keys, invalid UTF-8, anything after the value, and what exceeds the limits
// of this package. The result shares no memory with b.
func Parse(b []byte) (any, error) {
	p := newParser(b)
	defer p.release()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if err := p.end(b); err != nil {
		return nil, err
	}
	return v, nil
}

// Check returns the error that [Parse] would, for callers that need no value.
func Check(b []byte) error {
	p := newParser(b)
	defer p.release()
	for {
		tok, err := p.dec.ReadToken()
		if err != nil {
			return p.fault(err)
		}
		switch tok.Kind() {
		case '0':
			_, err = p.number(tok)
		case '[', '{':
			if p.dec.StackDepth() > MaxDepth {
				err = p.tooDeep()
			}
		}
		if err != nil {
			return err
		}
		if p.dec.StackDepth() == 0 {
			return p.end(b)
		}
	}
}

// parser reads one text.
type parser struct {
	dec  *jsontext.Decoder
	src  bytes.Buffer
	text []byte
}

// parsers keeps parsers for reuse: what a decoder allocates for itself costs as
// much as reading a small value.
var parsers = sync.Pool{New: func() any { return &parser{dec: new(jsontext.Decoder)} }}

func newParser(b []byte) *parser {
	p := parsers.Get().(*parser)
	p.src, p.text = *bytes.NewBuffer(b), b // the decoder reads it in place
	p.dec.Reset(&p.src)
	return p
}

// release gives the parser back, without hold on the text.
func (p *parser) release() {
	p.src, p.text = bytes.Buffer{}, nil
	p.dec.Reset(&p.src)
	parsers.Put(p)
}

// end refuses what follows the value.
func (p *parser) end(b []byte) error {
	if rest := bytes.TrimLeft(b[p.dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		if f := Explain(b, false); f != nil {
			return f
		}
		return &SyntaxError{Offset: len(b) - len(rest), Message: "there is more after the JSON value"}
	}
	return nil
}

// value reads the next value, which stands inside depth arrays and objects.
func (p *parser) value(depth int) (any, error) {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return nil, p.fault(err)
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case '"':
		return tok.String(), nil
	case '0':
		return p.number(tok)
	case '[':
		return p.array(depth + 1)
	default: // only '{' is left: the decoder hands out no other token here
		return p.object(depth + 1)
	}
}

// number reads the number that a token is.
func (p *parser) number(tok jsontext.Token) (any, error) {
	lit := tok.String()
	if err := checkNumber(lit); err != nil {
		return nil, p.here(len(lit), err.Message)
	}
	return json.Number(lit), nil
}

func (p *parser) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.tooDeep()
	}
	list := []any{}
	for p.dec.PeekKind() != ']' {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := p.dec.ReadToken()
	return list, p.fault(err)
}

func (p *parser) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.tooDeep()
	}
	members := map[string]any{}
	for p.dec.PeekKind() != '}' {
		tok, err := p.dec.ReadToken()
		if err != nil {
			return nil, p.fault(err)
		}
		key := tok.String()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		members[key] = v
	}
	_, err := p.dec.ReadToken()
	return members, p.fault(err)
}

func (p *parser) tooDeep() error {
	return p.here(1, fmt.Sprintf("nested deeper than %d levels", MaxDepth))
}

// here makes a fault about the token of n bytes that was read last.
func (p *parser) here(n int, message string) error {
	return &SyntaxError{
		Pointer: string(p.dec.StackPointer()),
		Offset:  int(p.dec.InputOffset()) - n,
		Message: message,
	}
}

// fault turns an error of the decoder into one of this package; nil stays nil.
func (p *parser) fault(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return &SyntaxError{Offset: int(p.dec.InputOffset()), Message: "no JSON value, the text is empty"}
	}
	var syn *jsontext.SyntacticError
	if !errors.As(err, &syn) {
		return fmt.Errorf("value: parse: %w", err)
	}
	if !errors.Is(syn.Err, jsontext.ErrDuplicateName) {
		if f := Explain(p.text, false); f != nil {
			f.Pointer = string(syn.JSONPointer)
			return f
		}
	}
	message := "unexpected end of the text"
	switch {
	case errors.Is(syn.Err, jsontext.ErrDuplicateName):
		message = fmt.Sprintf("duplicate key %q", syn.JSONPointer.LastToken())
	case syn.Err != nil && !errors.Is(syn.Err, io.ErrUnexpectedEOF):
		message = syn.Err.Error()
	}
	return &SyntaxError{Pointer: string(syn.JSONPointer), Offset: int(syn.ByteOffset), Message: message}
}
