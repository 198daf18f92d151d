package store

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Render appends a stored value as JSON. Where the config wants numbers as text, integers
// of 64 bits and decimals are strings, in arrays too: readers that keep numbers as doubles
// would round them. JSON that is stored is shown as it is.
func (tx *Tx) Render(dst []byte, column driver.Column, stored any) ([]byte, error) {
	before := len(dst)
	dst, err := tx.Database.Render(dst, column, stored)
	if err != nil || !tx.store.numbersAsText {
		return dst, err
	}
	return asText(dst, before, column)
}

// asText makes strings of the numbers of a value that begins at an offset.
func asText(dst []byte, start int, column driver.Column) ([]byte, error) {
	kind := column.Kind
	if kind == driver.KindArray && column.Element != nil {
		column = *column.Element
	}
	if !exceedsDouble(column) {
		return dst, nil
	}
	written := dst[start:]
	if kind == driver.KindArray {
		list, err := numbersQuoted(bytes.Clone(written))
		return append(dst[:start], list...), err
	}
	if jsontext.Value(written).Kind() != '0' {
		return dst, nil
	}
	if column.Kind != driver.KindNumeric && bytes.ContainsAny(written, ".eE") {
		return dst, nil // a double, in a column that takes what it is given
	}
	return driver.AppendString(dst[:start], string(written)), nil
}

// exceedsDouble reports whether a column may hold numbers that a double cannot.
func exceedsDouble(column driver.Column) bool {
	switch column.Kind {
	case driver.KindInteger:
		return !column.Narrow
	case driver.KindNumeric, driver.KindAny, driver.KindLoose:
		return true
	}
	return false
}

// numbersQuoted returns JSON whose numbers are strings.
func numbersQuoted(list []byte) ([]byte, error) {
	var out bytes.Buffer
	decoder, encoder := jsontext.NewDecoder(bytes.NewReader(list)), jsontext.NewEncoder(&out)
	for {
		token, err := decoder.ReadToken()
		if errors.Is(err, io.EOF) {
			return bytes.TrimSpace(out.Bytes()), nil
		}
		if err != nil {
			return nil, err
		}
		if token.Kind() == '0' {
			token = jsontext.String(token.String())
		}
		if err := encoder.WriteToken(token); err != nil {
			return nil, err
		}
	}
}
