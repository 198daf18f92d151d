package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
	"unicode/utf8"
)

// Doc is a JSON document that [Parse] accepts, or nothing: the zero Doc. It is
// immutable and safe for concurrent use. Copies share the value, so a document
// that is passed on is parsed once, and only if its value is asked for.
type Doc struct{ document *document }

type document struct {
	raw   []byte
	once  sync.Once
	value any
}

// NewDoc checks b as [Check] does. The document keeps b, which must not be
// changed afterwards.
func NewDoc(b []byte) (Doc, error) {
	if err := Check(b); err != nil {
		return Doc{}, err
	}
	return TrustedDoc(b), nil
}

// ParseDoc is NewDoc for a document whose value is needed in any case: the text
// is read once and not twice.
func ParseDoc(b []byte) (Doc, error) {
	v, err := Parse(b)
	if err != nil {
		return Doc{}, err
	}
	return parsedDoc(b, v), nil
}

func parsedDoc(b []byte, v any) Doc {
	d := &document{raw: b}
	d.once.Do(func() { d.value = v })
	return Doc{d}
}

// DocOf makes a document of a value: its text is what [Marshal] writes. The value
// is v itself where [Parse] would read the same, which is not read again then; v
// must not be changed afterwards. An error is that of Marshal, or of Parse for
// keys that became the same as they were written.
func DocOf(v any) (Doc, error) {
	b, err := Marshal(v)
	if err != nil {
		return Doc{}, err
	}
	if !isParsed(v) {
		return ParseDoc(b)
	}
	return parsedDoc(b, v), nil
}

// isParsed reports whether a value that was written would be read as it is.
func isParsed(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		for _, element := range v {
			if !isParsed(element) {
				return false
			}
		}
	case map[string]any:
		for key, member := range v {
			if !utf8.ValidString(key) || !isParsed(member) {
				return false
			}
		}
	case int, int64:
		return false // read as a json.Number
	}
	return true
}

// TrustedDoc makes a document of text that was checked before it was stored, or
// that this program has written with [Append]. It costs no scan. The document
// keeps b, which must not be changed afterwards.
func TrustedDoc(b []byte) Doc { return Doc{&document{raw: b}} }

// IsZero reports whether there is no document.
func (d Doc) IsZero() bool { return d.document == nil }

// Raw returns the text as it was given, nil if there is no document. It must
// not be changed.
func (d Doc) Raw() json.RawMessage {
	if d.document == nil {
		return nil
	}
	return d.document.raw
}

// Value returns the value, as [Parse] does; nil if there is no document, or if
// the text of a TrustedDoc is no JSON. It is shared and must not be changed.
func (d Doc) Value() any {
	if d.document == nil {
		return nil
	}
	d.document.once.Do(d.document.parse)
	return d.document.value
}

func (d *document) parse() {
	if v, err := Parse(d.raw); err == nil {
		d.value = v
	}
}

// Elements splits an array into its elements, without a copy of their text; null
// has none. It returns false for everything else.
func (d Doc) Elements() ([]Doc, bool) {
	if d.document == nil {
		return nil, false
	}
	p := newParser(d.document.raw)
	defer p.release()
	tok, err := p.dec.ReadToken()
	if err != nil || tok.Kind() != '[' {
		return nil, err == nil && tok.Kind() == 'n'
	}
	var texts [][]byte
	for p.dec.PeekKind() != ']' {
		text, err := p.dec.ReadValue()
		if err != nil {
			return nil, false
		}
		end := int(p.dec.InputOffset())
		texts = append(texts, d.document.raw[end-len(text):end:end])
	}
	documents, elements := make([]document, len(texts)), make([]Doc, len(texts))
	for i, text := range texts {
		documents[i].raw, elements[i] = text, Doc{&documents[i]}
	}
	return elements, true
}

// MarshalJSON returns the text; that of the zero Doc is null.
func (d Doc) MarshalJSON() ([]byte, error) {
	if d.document == nil {
		return []byte("null"), nil
	}
	return d.document.raw, nil
}

// UnmarshalJSON makes a [TrustedDoc] of a copy of b: what is decoded comes out
// of a store. Documents from outside are for NewDoc.
func (d *Doc) UnmarshalJSON(b []byte) error {
	if d == nil {
		return errors.New("value: decode into a nil document")
	}
	*d = TrustedDoc(bytes.Clone(b))
	return nil
}
