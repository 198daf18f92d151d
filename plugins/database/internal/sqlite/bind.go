package sqlite

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
	"github.com/go-json-experiment/json/jsontext"
)

// What is said to a caller whose value does not fit. SQLite itself would take
// nearly all of these and store something else than was sent.
var (
	errNotInteger   = errors.New("takes an integer")
	errIntegerRange = errors.New("takes an integer of 64 bits; this number is out of range")
	errNotNumber    = errors.New("takes a number")
	errNotText      = errors.New("takes a string; declare a column for true and false as BOOLEAN")
	errNotBase64    = errors.New("takes bytes, as a string of base64 (RFC 4648, section 4)")
	errNotBoolean   = errors.New("takes true or false")
	errNotJSON      = errors.New("takes no object or array; declare the column as JSON to keep one")
	errNUL          = errors.New("takes no text with a NUL character, at which SQL functions would cut it")
	errRounded      = errors.New("would be rounded: SQLite keeps decimals as doubles, about 15 digits; declare the column as TEXT, or count in the smallest unit as INTEGER")
	errRealRange    = errors.New("takes numbers that a double can hold")
	errLooksNumeric = errors.New("would turn this text into a number, because SQLite treats the declared type as numeric; declare the column as TEXT")
	errNotTime      = errors.New("takes a time in the form of RFC 3339, such as 2026-11-23T12:00:00Z")
	errNoBoolean    = errors.New("takes no true or false; declare the column as BOOLEAN")
)

// Bind turns a JSON value into int64, float64, string, []byte or nil, so that
// SQLite's conversions (https://www.sqlite.org/datatype3.html, 3) keep it as it is.
func (*SQLite) Bind(column driver.Column, value driver.JSON) (any, error) {
	switch value.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return bindBoolean(column.Kind, value.Kind() == 't')
	case '0':
		return bindNumber(column.Kind, string(value))
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, errors.New("is not a valid JSON string")
		}
		return bindString(column.Kind, string(unquoted), value)
	}
	if column.Kind != driver.KindJSON {
		return nil, errNotJSON
	}
	return string(value), nil
}

func bindBoolean(kind driver.Kind, value bool) (any, error) {
	switch kind {
	case driver.KindBoolean, driver.KindInteger:
		if value {
			return int64(1), nil
		}
		return int64(0), nil
	case driver.KindJSON:
		if value {
			return "true", nil
		}
		return "false", nil
	case driver.KindText:
		return nil, errNotText
	case driver.KindBlob:
		return nil, errNotBase64
	case driver.KindReal, driver.KindNumeric:
		return nil, errNotNumber
	}
	return nil, errNoBoolean
}

func bindNumber(kind driver.Kind, written string) (any, error) {
	number, ok := exact.Parse(written)
	if !ok {
		return nil, errNotNumber
	}
	switch kind {
	case driver.KindText:
		return written, nil
	case driver.KindBlob:
		return nil, errNotBase64
	case driver.KindInteger:
		return bindInteger(number)
	case driver.KindReal:
		return bindReal(number)
	case driver.KindBoolean:
		if value, ok := number.Int64(); ok && (value == 0 || value == 1) {
			return value, nil
		}
		return nil, errNotBoolean
	}
	return bindDecimal(number)
}

func bindString(kind driver.Kind, value string, quoted driver.JSON) (any, error) {
	switch kind {
	case driver.KindJSON:
		return string(quoted), nil
	case driver.KindBlob:
		decoded, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || strings.ContainsAny(value, "\r\n") {
			return nil, errNotBase64
		}
		return decoded, nil
	case driver.KindBoolean:
		return nil, errNotBoolean
	case driver.KindInteger, driver.KindReal, driver.KindNumeric:
		if _, ok := exact.Parse(value); ok {
			return bindNumber(kind, value)
		}
		if kind == driver.KindInteger {
			return nil, errNotInteger
		}
		return nil, errNotNumber
	case driver.KindLoose, driver.KindTime, driver.KindDate:
		if looksNumeric.MatchString(value) {
			return nil, errLooksNumeric
		}
		if kind == driver.KindTime {
			if _, ok := timeOf(value); !ok {
				return nil, errNotTime
			}
			value = inUTC(value)
		}
	}
	if strings.ContainsRune(value, 0) {
		return nil, errNUL
	}
	return value, nil
}

// looksNumeric is what SQLite takes for a number when a column has numeric
// affinity: leading zeros, a sign and spaces around it included, so that "007"
// would become 7.
var looksNumeric = regexp.MustCompile(`^[ \t\n\v\f\r]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\v\f\r]*$`)

func bindInteger(number exact.Decimal) (any, error) {
	if value, ok := number.Int64(); ok {
		return value, nil
	}
	if number.IsInteger() {
		return nil, errIntegerRange
	}
	return nil, errNotInteger
}

// bindReal rounds a fraction to the nearest double, as a column of doubles
// promises, but no integer: an id in a REAL column would become another id.
func bindReal(number exact.Decimal) (any, error) {
	value, same, ok := number.Float64()
	if !ok {
		return nil, errRealRange
	}
	if !same && number.IsInteger() {
		return nil, errRounded
	}
	return value, nil
}

// bindDecimal binds a number for a column of numeric or no affinity, which
// keeps integers of 64 bits and doubles, and nothing between them.
func bindDecimal(number exact.Decimal) (any, error) {
	if value, ok := number.Int64(); ok {
		return value, nil
	}
	value, same, ok := number.Float64()
	if !ok || !same {
		return nil, errRounded
	}
	return value, nil
}
