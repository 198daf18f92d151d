package workflow

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// readings are the paths into the result of a step that its definition reads. The
// empty path is the whole result.
type readings []value.Path

// covers reports whether a member at a path is read, alone or as part of a whole.
func (r readings) covers(path value.Path) bool {
	return slices.ContainsFunc(r, func(read value.Path) bool {
		n := min(len(read), len(path))
		return slices.Equal(read[:n], path[:n])
	})
}

// Conceal returns the event of a step that has succeeded without those sensitive
// members of its result that no part of the definition reads, so that they are not
// kept. The event names the others, which nobody is shown; see
// [sdk.ActionSpec.Sensitive].
func (m *Machine) Conceal(event Event, sensitive []string) Event {
	n := m.find(event.Path)
	if event.Type != EventSucceeded || n == nil || !mayHold(event.Result.Raw(), sensitive) {
		return event
	}
	c := conceal(event.Result.Raw(), sensitive, n.Step.reads)
	if c.removed {
		event.Result = value.TrustedDoc(c.out)
	}
	if c.kept {
		event.Sensitive = sensitive
	}
	return event
}

// ConcealError returns the error of a call without the sensitive members of its
// details, at any depth: an error may hold the object that it is about. None of them is
// kept, whatever the definition reads.
func ConcealError(err *sdk.Error, sensitive []string) *sdk.Error {
	if !mayHold(err.Details, sensitive) {
		return err
	}
	c := conceal(err.Details, sensitive, nil)
	if !c.removed {
		return err
	}
	concealed := *err
	concealed.Details = c.out
	return &concealed
}

// conceal copies a valid document without those members of the names that are not read.
func conceal(document []byte, names []string, reads readings) *concealer {
	c := &concealer{
		in:    jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		names: names, reads: reads,
	}
	c.value(value.Path{})
	return c
}

// mayHold is false if a document surely has no member of one of the names.
func mayHold(doc []byte, names []string) bool {
	if len(names) > 0 && bytes.IndexByte(doc, '\\') >= 0 {
		return true // a name may be written with escapes
	}
	return slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(doc, []byte(name)) })
}

// concealer copies a valid document without members that are not read.
type concealer struct {
	in    *jsontext.Decoder
	out   []byte
	names []string
	reads readings

	removed, kept bool // sensitive members
}

// value copies the next value, which stands at a path.
func (c *concealer) value(path value.Path) {
	switch c.in.PeekKind() {
	case '{':
		c.object(path)
	case '[':
		c.array(path)
	default:
		raw, _ := c.in.ReadValue() // the document is valid
		c.out = append(c.out, raw...)
	}
}

func (c *concealer) object(path value.Path) {
	_, _ = c.in.ReadToken()
	c.out = append(c.out, '{')
	first := true
	for c.in.PeekKind() != '}' && c.in.PeekKind() > 0 {
		raw, _ := c.in.ReadValue()
		quoted := slices.Clone(raw)
		name, _ := jsontext.AppendUnquote(nil, raw)
		inner := append(path[:len(path):len(path)], value.Segment{Key: string(name)})
		if slices.Contains(c.names, string(name)) {
			if !c.reads.covers(inner) {
				c.removed = true
				_ = c.in.SkipValue()
				continue
			}
			c.kept = true
		}
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.out = append(append(c.out, quoted...), ':')
		c.value(inner)
	}
	_, _ = c.in.ReadToken()
	c.out = append(c.out, '}')
}

func (c *concealer) array(path value.Path) {
	_, _ = c.in.ReadToken()
	c.out = append(c.out, '[')
	for i := 0; c.in.PeekKind() != ']' && c.in.PeekKind() > 0; i++ {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.value(append(path[:len(path):len(path)], value.Segment{Index: i, IsIndex: true}))
	}
	_, _ = c.in.ReadToken()
	c.out = append(c.out, ']')
}

// SensitiveTexts returns the texts in the results of steps that nobody is shown,
// wherever else they stand too.
func SensitiveTexts(steps []StepState) []string {
	var texts []string
	for i := range steps {
		texts = append(texts, steps[i].secrets...)
	}
	return texts
}

// SensitiveTexts returns the texts in the event's result that nobody is shown.
func (e *Event) SensitiveTexts() []string { return sensitiveTexts(e.Result, e.Sensitive) }

func sensitiveTexts(result value.Doc, names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return appendTexts(nil, result.Value(), names, false)
}

// appendTexts appends the strings below members of the names, and all of them if
// inside one.
func appendTexts(texts []string, v any, names []string, inside bool) []string {
	switch v := v.(type) {
	case string:
		if inside {
			texts = append(texts, v)
		}
	case []any:
		for _, element := range v {
			texts = appendTexts(texts, element, names, inside)
		}
	case map[string]any:
		for _, name := range sortedNames(v) {
			texts = appendTexts(texts, v[name], names, inside || slices.Contains(names, name))
		}
	}
	return texts
}
