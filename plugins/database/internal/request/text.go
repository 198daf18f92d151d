package request

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// FromText reads a text from a URL as a value of a column: 42 is a number where the
// column keeps numbers, and a text where it keeps texts. In a column that keeps both, what
// is written as a JSON number is one. A text that is no value of the column stays a text,
// which Bind refuses.
func FromText(column driver.Column, text string) driver.JSON {
	number, literal := false, false
	switch column.Kind {
	case driver.KindInteger, driver.KindReal, driver.KindNumeric, driver.KindAny, driver.KindLoose:
		_, number = exact.Parse(text)
	case driver.KindBoolean:
		literal = text == "true" || text == "false"
	case driver.KindJSON:
		value := driver.JSON(text)
		if value.IsValid() && value.Compact() == nil {
			return value
		}
	case driver.KindArray:
		if column.Element != nil {
			return FromText(*column.Element, text)
		}
	}
	if number || literal {
		return driver.JSON(text)
	}
	return driver.AppendString(nil, text)
}

// texts returns the texts of a JSON string, or of a list of them.
func texts(value driver.JSON) []string {
	values := []driver.JSON{value}
	if value.Kind() == '[' {
		values, _ = list(value)
	}
	read := make([]string, 0, len(values))
	for _, item := range values {
		if text, err := jsontext.AppendUnquote(nil, item); err == nil {
			read = append(read, string(text))
		}
	}
	return read
}

// Values returns what a filter compares with, as values of a column.
func (f Filter) Values(column driver.Column) []driver.JSON {
	if f.Text {
		var values []driver.JSON
		for _, text := range texts(f.Value) {
			values = append(values, FromText(column, text))
		}
		return values
	}
	if f.Operator == In || f.Operator == Between {
		values, _ := list(f.Value) // it was read as one
		return values
	}
	return []driver.JSON{f.Value}
}
