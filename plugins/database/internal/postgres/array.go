package postgres

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// element is one of an array: a text, or another array.
type element struct {
	text  string
	null  bool
	array []element
	// nested says that it is an array.
	nested bool
}

var errArray = errors.New("postgres: an array is not of the form that the server writes")

// parseArray reads an array as the server writes it
// (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). Where its subscripts
// begin is left out.
func parseArray(text string) (elements []element, rest string, err error) {
	if strings.HasPrefix(text, "[") {
		_, after, ok := strings.Cut(text, "=")
		if !ok {
			return nil, "", errArray
		}
		text = after
	}
	text, ok := strings.CutPrefix(text, "{")
	if !ok {
		return nil, "", errArray
	}
	if after, ok := strings.CutPrefix(text, "}"); ok {
		return nil, after, nil
	}
	for {
		var one element
		if one, text, err = parseElement(text); err != nil {
			return nil, "", err
		}
		elements = append(elements, one)
		switch {
		case strings.HasPrefix(text, ","):
			text = text[1:]
		case strings.HasPrefix(text, "}"):
			return elements, text[1:], nil
		default:
			return nil, "", errArray
		}
	}
}

func parseElement(text string) (one element, rest string, err error) {
	switch {
	case strings.HasPrefix(text, "{"):
		one.nested = true
		one.array, rest, err = parseArray(text)
		return one, rest, err
	case strings.HasPrefix(text, `"`):
		var b strings.Builder
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '"':
				one.text = b.String()
				return one, text[i+1:], nil
			case '\\':
				if i++; i == len(text) {
					return one, "", errArray
				}
			}
			b.WriteByte(text[i])
		}
		return one, "", errArray
	}
	end := strings.IndexAny(text, ",}")
	if end <= 0 {
		return one, "", errArray
	}
	one.text = text[:end]
	one.null = one.text == "NULL"
	return one, text[end:], nil
}

// quoteElement writes a text as an element of an array.
func quoteElement(b *strings.Builder, text string) {
	b.WriteByte('"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	b.WriteByte('"')
}

// maxDimensions is how deep an array can be
// (https://www.postgresql.org/docs/current/limits.html has none; it is MAXDIM of the server).
const maxDimensions = 6

var (
	errNotArray = errors.New("takes a list")
	errRagged   = errors.New("takes lists within a list only if all have the same length, which is not zero")
	errDeep     = errors.New("takes lists of no more than six levels")
)

// bindArray writes a list as an array. What is in a list is another dimension, unless the
// elements are JSON themselves.
func bindArray(column driver.Column, value driver.JSON) (any, error) {
	if value.Kind() != '[' {
		return nil, errNotArray
	}
	var b strings.Builder
	w := arrayWriter{Builder: &b, element: *column.Element}
	if err := w.write(value, 0); err != nil {
		return nil, err
	}
	return b.String(), nil
}

type arrayWriter struct {
	*strings.Builder
	element driver.Column
	// lengths are those of the dimensions, known by the first list of each.
	lengths []int
	// leaf is the depth of the elements, 0 until one was seen.
	leaf int
}

func (w *arrayWriter) write(list driver.JSON, depth int) error {
	if depth == maxDimensions {
		return errDeep
	}
	items, err := listOf(list)
	if err != nil {
		return err
	}
	if depth == len(w.lengths) {
		w.lengths = append(w.lengths, len(items))
	}
	if w.lengths[depth] != len(items) || len(items) == 0 && depth > 0 {
		return errRagged
	}
	w.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			w.WriteByte(',')
		}
		if item.Kind() == '[' && w.element.Kind != driver.KindJSON {
			if w.leaf != 0 && w.leaf == depth+1 {
				return errRagged
			}
			if err := w.write(item, depth+1); err != nil {
				return err
			}
			continue
		}
		if w.leaf == 0 {
			w.leaf = depth + 1
		}
		if w.leaf != depth+1 {
			return errRagged
		}
		if err := w.writeElement(item); err != nil {
			return err
		}
	}
	w.WriteByte('}')
	return nil
}

func (w *arrayWriter) writeElement(item driver.JSON) error {
	bound, err := bind(w.element, item)
	if err != nil {
		return err
	}
	text, ok := bound.(string)
	if !ok {
		w.WriteString("NULL")
		return nil
	}
	quoteElement(w.Builder, text)
	return nil
}

// listOf are the values of a list.
func listOf(list driver.JSON) ([]driver.JSON, error) {
	decoder := jsontext.NewDecoder(strings.NewReader(string(list)))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, errNotArray
	}
	var items []driver.JSON
	for decoder.PeekKind() != ']' {
		item, err := decoder.ReadValue()
		if err != nil {
			return nil, errNotArray
		}
		items = append(items, item.Clone())
	}
	return items, nil
}

// renderArray appends an array as a list.
func (p *Postgres) renderArray(dst []byte, column driver.Column, elements []element) ([]byte, error) {
	dst = append(dst, '[')
	for i, one := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		switch {
		case one.nested:
			dst, err = p.renderArray(dst, column, one.array)
		case one.null:
			dst = append(dst, "null"...)
		default:
			dst, err = p.Render(dst, *column.Element, one.text)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}
