package postgres

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// What is said to a caller whose value does not fit. PostgreSQL itself would take some of
// these and store something else than was sent: it rounds decimals, cuts blanks and long
// names, and moves a leap second.
var (
	errNotInteger = errors.New("takes an integer")
	errNotNumber  = errors.New("takes a number")
	errNotText    = errors.New("takes a string")
	errNotBase64  = errors.New("takes bytes, as a string of base64 (RFC 4648, section 4)")
	errNotBoolean = errors.New("takes true or false")
	errNoObject   = errors.New("takes no object or list; declare the column as jsonb to keep one")
	errNUL        = errors.New("takes no text with a NUL character, which PostgreSQL cannot store")
	errRounded    = errors.New("takes numbers that its bytes hold exactly, and this one would be rounded; declare the column as numeric")
	errRealRange  = errors.New("takes numbers within its range, and this one is not")
	errDigits     = errors.New("takes numbers of at most 131072 digits before the point and 16383 after it")
	errName       = errors.New("takes texts of at most 63 bytes, and would cut this one")
	errUUID       = errors.New("takes a UUID, such as 0190163d-8694-739b-aea5-966c26f8ad91")
)

// Bind turns a JSON value into the text of it in PostgreSQL's form, or nil for NULL.
func (*Postgres) Bind(column driver.Column, value driver.JSON) (any, error) {
	return bind(column, value)
}

func bind(column driver.Column, value driver.JSON) (any, error) {
	if value.Kind() == 'n' {
		return nil, nil
	}
	switch column.Kind {
	case driver.KindJSON:
		return bindJSON(column, value)
	case driver.KindArray:
		return bindArray(column, value)
	}
	switch value.Kind() {
	case '0':
		return bindNumber(column, string(value))
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, errors.New("is not a valid JSON string")
		}
		return bindString(column, string(unquoted))
	case 't', 'f':
		if column.Kind == driver.KindBoolean {
			return string(value), nil
		}
	default:
		return nil, errNoObject
	}
	return nil, wanted(column)
}

// wanted is the error of a value of a wrong kind.
func wanted(column driver.Column) error {
	switch column.Kind {
	case driver.KindInteger:
		return errNotInteger
	case driver.KindReal, driver.KindNumeric:
		return errNotNumber
	case driver.KindBlob:
		return errNotBase64
	case driver.KindBoolean:
		return errNotBoolean
	case driver.KindTime:
		return errNotTime
	case driver.KindDate:
		return errNotDate
	}
	return errNotText
}

// bindJSON keeps the text as it is. jsonb has no text with a NUL character
// (https://www.postgresql.org/docs/current/datatype-json.html).
func bindJSON(column driver.Column, value driver.JSON) (any, error) {
	if column.Details.(*details).base == "jsonb" && hasNUL(value) {
		return nil, errNUL
	}
	return string(value), nil
}

// hasNUL reports whether a string of a JSON value has the escape of NUL.
func hasNUL(value driver.JSON) bool {
	for text := string(value); ; {
		_, after, found := strings.Cut(text, `\`)
		if !found || after == "" {
			return false
		}
		if strings.HasPrefix(after, "u0000") {
			return true
		}
		text = after[1:]
	}
}

func bindNumber(column driver.Column, written string) (any, error) {
	number, ok := exact.Parse(written)
	if !ok {
		return nil, errNotNumber
	}
	switch column.Kind {
	case driver.KindInteger:
		return bindInteger(column, number)
	case driver.KindReal:
		return bindReal(column, number)
	case driver.KindNumeric:
		return bindNumeric(column, number, written)
	case driver.KindText:
		if slices.Contains(characters, column.Details.(*details).base) {
			return bindText(column, written)
		}
	}
	return nil, wanted(column)
}

// characters are the types that keep a text as it is, and so the text of a number.
var characters = []string{"text", "varchar", "bpchar", "citext"}

// ranges are those of the integers.
var ranges = map[string][2]int64{
	"int2": {math.MinInt16, math.MaxInt16},
	"int4": {math.MinInt32, math.MaxInt32},
	"int8": {math.MinInt64, math.MaxInt64},
	"oid":  {0, math.MaxUint32},
}

func bindInteger(column driver.Column, number exact.Decimal) (any, error) {
	if !number.IsInteger() {
		return nil, errNotInteger
	}
	limits := ranges[column.Details.(*details).base]
	value, ok := number.Int64()
	if !ok || value < limits[0] || value > limits[1] {
		return nil, fmt.Errorf("takes an integer from %d to %d", limits[0], limits[1])
	}
	return strconv.FormatInt(value, 10), nil
}

// bindReal rounds a fraction to the nearest double, as a column of doubles promises, but
// no integer: an id in such a column would become another id. In one of 4 bytes it rounds
// nothing: those hold about 6 digits, less than what any fraction has that was computed.
func bindReal(column driver.Column, number exact.Decimal) (any, error) {
	value, same, ok := number.Float64()
	if !ok || value == 0 && !number.IsZero() {
		return nil, errRealRange
	}
	if !same && number.IsInteger() {
		return nil, errRounded
	}
	if column.Details.(*details).base != "float4" {
		return strconv.FormatFloat(value, 'g', -1, 64), nil
	}
	short := strconv.FormatFloat(float64(float32(value)), 'e', -1, 32)
	if math.IsInf(float64(float32(value)), 0) {
		return nil, errRealRange
	}
	if back, valid := exact.Parse(short); !valid || back != number {
		return nil, errRounded
	}
	return short, nil
}

// The digits that a decimal may have
// (https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-NUMERIC-DECIMAL).
const (
	maxWholeDigits    = 131072
	maxFractionDigits = 16383
)

// bindNumeric keeps the digits as they are written, trailing zeros too. PostgreSQL would
// round those that a column has no room for.
func bindNumeric(column driver.Column, number exact.Decimal, written string) (any, error) {
	d := column.Details.(*details)
	switch {
	case number.Scale() > maxFractionDigits || number.Magnitude() > maxWholeDigits:
		return nil, errDigits
	case d.base == "money" && !d.amounts:
		return nil, errMoney
	case number.IsZero() || d.precision < 0:
	case number.Scale() > int64(d.scale) && d.scale >= 0:
		return nil, fmt.Errorf("takes numbers with at most %d digits after the point, and would round this one", d.scale)
	case number.Scale() > int64(d.scale):
		return nil, fmt.Errorf("takes multiples of ten to the power of %d, and would round this number", -d.scale)
	case number.Magnitude() > int64(d.precision-d.scale):
		return nil, fmt.Errorf("takes numbers below ten to the power of %d", d.precision-d.scale)
	}
	return written, nil
}

var errMoney = errors.New("takes no value here: the server's lc_monetary has amounts in another form than a decimal with two digits; declare the column as numeric")

func bindString(column driver.Column, value string) (any, error) {
	switch column.Kind {
	case driver.KindBlob:
		decoded, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || strings.ContainsAny(value, "\r\n") {
			return nil, errNotBase64
		}
		return `\x` + hex.EncodeToString(decoded), nil
	case driver.KindBoolean:
		return nil, errNotBoolean
	case driver.KindInteger:
		if _, ok := exact.Parse(value); !ok {
			return nil, errNotInteger
		}
		return bindNumber(column, value)
	case driver.KindReal, driver.KindNumeric:
		if slices.Contains(notNumbers, value) && column.Details.(*details).base != "money" {
			return value, nil
		}
		return bindNumber(column, value)
	case driver.KindTime:
		return bindTime(column, value)
	case driver.KindDate:
		return bindDate(value)
	}
	return bindText(column, value)
}

// notNumbers are values of real and decimal columns that JSON has no number for.
var notNumbers = []string{"NaN", "Infinity", "-Infinity"}

func bindText(column driver.Column, value string) (any, error) {
	if strings.ContainsRune(value, 0) {
		return nil, errNUL
	}
	d := column.Details.(*details)
	switch d.base {
	case "varchar", "bpchar":
		return value, fitsLength(d, value)
	case "name":
		if len(value) > 63 {
			return nil, errName
		}
	case "uuid":
		if !isUUID(value) {
			return nil, errUUID
		}
	case "time", "timetz":
		return bindTimeOfDay(d, value)
	}
	if d.labels != nil && !slices.Contains(d.labels, value) {
		return nil, fmt.Errorf("takes one of %s", strings.Join(d.labels[:min(len(d.labels), maxLabels)], ", "))
	}
	return value, nil
}

// maxLabels is how many labels of an enum a message lists.
const maxLabels = 20

// fitsLength: blanks that do not fit would be cut off without a word, and at the end of a
// char(n) they mean nothing at all
// (https://www.postgresql.org/docs/current/datatype-character.html).
func fitsLength(d *details, value string) error {
	if d.length >= 0 && utf8.RuneCountInString(value) > d.length {
		return fmt.Errorf("takes at most %d characters", d.length)
	}
	if d.base == "bpchar" && strings.HasSuffix(value, " ") {
		return errors.New("takes no text that ends in a blank, which would be lost; declare the column as text")
	}
	return nil
}

// isUUID reports whether a text is a UUID as it is written, in any case of letters.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'):
			return false
		}
	}
	return true
}
