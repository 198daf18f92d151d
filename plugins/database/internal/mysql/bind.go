package mysql

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
	"github.com/go-json-experiment/json/jsontext"
)

// What is said to a caller whose value does not fit. The server itself would round or
// cut many of these with a note that nobody reads, in strict mode too.
var (
	errNotInteger = errors.New("takes an integer")
	errNotNumber  = errors.New("takes a number")
	errNotText    = errors.New("takes a string")
	errNotBase64  = errors.New("takes bytes, as a string of base64 (RFC 4648, section 4)")
	errNotBoolean = errors.New("takes true or false")
	errNotJSON    = errors.New("takes no object or array; declare the column as JSON to keep one")
	errRounded    = errors.New("would be rounded")
	errRealRange  = errors.New("takes numbers that it can hold; this one is out of range")
	errUnsigned   = errors.New("takes no number below zero")
	errSpaces     = errors.New("takes no text with spaces at its end, which CHAR does not keep; declare the column as VARCHAR")
	errNoValue    = errors.New("takes no value here; write it with a named query")
	errUUID       = errors.New("takes a UUID, as in 123e4567-e89b-12d3-a456-426614174000")
	errYear       = errors.New("takes a year from 1901 to 2155, or 0")
	errNUL        = errors.New("takes no text with a NUL character")
	errNotNull    = errors.New("must not be null")
	errJSONNumber = errors.New("takes no number that MySQL's JSON would round: integers of 64 bits, and decimals of about 15 digits")
)

// Bind turns a JSON value into nil, int64, uint64, float64, string or []byte, such that
// the server stores exactly this value.
func (m *MySQL) Bind(column driver.Column, value driver.JSON) (any, error) {
	t := typeOf(column)
	switch value.Kind() {
	case 'n':
		// A server with explicit_defaults_for_timestamp off would store the present
		// time (https://mariadb.com/kb/en/timestamp/).
		if t.base == "timestamp" && !column.Nullable {
			return nil, errNotNull
		}
		return nil, nil
	case 't', 'f':
		return m.bindBoolean(column.Kind, value)
	case '0':
		return m.bindNumber(column.Kind, t, string(value))
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, errors.New("is not a valid JSON string")
		}
		return m.bindString(column.Kind, t, string(unquoted), value)
	}
	if column.Kind != driver.KindJSON {
		return nil, errNotJSON
	}
	return m.bindJSON(value)
}

func (m *MySQL) bindBoolean(kind driver.Kind, value driver.JSON) (any, error) {
	switch kind {
	case driver.KindBoolean, driver.KindInteger:
		if value.Kind() == 't' {
			return int64(1), nil
		}
		return int64(0), nil
	case driver.KindJSON:
		return string(value), nil
	}
	return nil, refusal(kind)
}

// refusal says what a column takes in place of a value of another type.
func refusal(kind driver.Kind) error {
	switch kind {
	case driver.KindInteger:
		return errNotInteger
	case driver.KindNumeric, driver.KindReal:
		return errNotNumber
	case driver.KindBoolean:
		return errNotBoolean
	case driver.KindBlob:
		return errNotBase64
	case driver.KindText:
		return errNotText
	case driver.KindDate:
		return errNotDate
	case driver.KindTime:
		return errNotTime
	}
	return errNoValue
}

func (m *MySQL) bindNumber(kind driver.Kind, t columnType, written string) (any, error) {
	number, ok := exact.Parse(written)
	if !ok {
		return nil, errNotNumber
	}
	switch kind {
	case driver.KindInteger:
		return bindInteger(t, number)
	case driver.KindNumeric:
		return bindDecimal(t, number)
	case driver.KindReal:
		return bindReal(t, number)
	case driver.KindBoolean:
		if value, ok := number.Int64(); ok && (value == 0 || value == 1) {
			return value, nil
		}
	case driver.KindJSON:
		return m.bindJSON(driver.JSON(written))
	case driver.KindText:
		if slices.Contains(plainTexts, t.base) {
			return bindText(t, written)
		}
	}
	return nil, refusal(kind)
}

func (m *MySQL) bindString(kind driver.Kind, t columnType, value string, quoted driver.JSON) (any, error) {
	switch kind {
	case driver.KindJSON:
		return string(quoted), nil
	case driver.KindBlob:
		return bindBytes(t, value)
	case driver.KindInteger, driver.KindNumeric, driver.KindReal:
		if _, ok := exact.Parse(value); ok {
			return m.bindNumber(kind, t, value)
		}
	case driver.KindDate:
		return bindDate(value)
	case driver.KindTime:
		return bindTime(t, value)
	case driver.KindText:
		if strings.ContainsRune(value, 0) {
			return nil, errNUL
		}
		return bindText(t, value)
	}
	return nil, refusal(kind)
}

// integerBits are the sizes of the types of integers
// (https://mariadb.com/kb/en/numeric-data-type-overview/).
var integerBits = map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

func bindInteger(t columnType, number exact.Decimal) (any, error) {
	if !number.IsInteger() {
		return nil, errNotInteger
	}
	signed, fits := number.Int64()
	switch {
	case t.base == "year":
		// The server takes 1 to 99 for years of this and the last century.
		if !fits || signed != 0 && (signed < 1901 || signed > 2155) {
			return nil, errYear
		}
		return signed, nil
	case t.base == "bit" || t.unsigned:
		bits := integerBits[t.base]
		if t.base == "bit" {
			bits = t.length
		}
		value, ok := number.Uint64()
		if !ok || bits < 64 && value>>bits != 0 {
			return nil, fmt.Errorf("takes an integer from 0 to %d", uint64(math.MaxUint64)>>(64-bits))
		}
		return value, nil
	}
	bits := integerBits[t.base]
	if least := int64(math.MinInt64) >> (64 - bits); !fits || signed < least || signed > -(least+1) {
		return nil, fmt.Errorf("takes an integer from %d to %d", least, -(least + 1))
	}
	return signed, nil
}

// bindDecimal refuses what strict mode lets through with a note: digits that the column
// would round away (https://mariadb.com/kb/en/sql-mode/#strict-mode).
func bindDecimal(t columnType, number exact.Decimal) (any, error) {
	if t.unsigned && number.Negative() {
		return nil, errUnsigned
	}
	text, ok := number.Plain(t.length-t.scale, t.scale)
	if !ok {
		return nil, fmt.Errorf("takes at most %d digits before the point and %d after it; this number would be rounded or cut", t.length-t.scale, t.scale)
	}
	return text, nil
}

// bindReal rounds a fraction to the nearest number that the column can hold, as its
// type promises, but no integer.
func bindReal(t columnType, number exact.Decimal) (any, error) {
	if t.unsigned && number.Negative() {
		return nil, errUnsigned
	}
	if t.length >= 0 { // FLOAT(7,3) rounds to so many digits
		if _, ok := number.Plain(t.length-t.scale, t.scale); !ok {
			return nil, fmt.Errorf("takes at most %d digits before the point and %d after it; this number would be rounded or cut", t.length-t.scale, t.scale)
		}
	}
	value, same, ok := number.Float64()
	if !ok {
		return nil, errRealRange
	}
	if t.base == "float" {
		short := float64(float32(value))
		if math.IsInf(short, 0) {
			return nil, errRealRange
		}
		same = same && short == value
		value = short
	}
	if !same && number.IsInteger() {
		return nil, errRounded
	}
	return value, nil
}

// plainTexts are the types that keep every text up to a length.
var plainTexts = []string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}

// textBytes are the lengths of the types that count bytes; what is longer is refused by
// the server, but for spaces at the end, which it cuts
// (https://mariadb.com/kb/en/string-data-types/).
var textBytes = map[string]int{"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1}

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func bindText(t columnType, value string) (any, error) {
	switch t.base {
	case "char", "varchar":
		if t.base == "char" && strings.HasSuffix(value, " ") {
			return nil, errSpaces
		}
		if utf8.RuneCountInString(value) > t.length {
			return nil, fmt.Errorf("takes at most %d characters", t.length)
		}
	case "tinytext", "text", "mediumtext":
		if limit := textBytes[t.base]; len(value) > limit && strings.HasSuffix(value, " ") {
			return nil, fmt.Errorf("takes at most %d bytes", limit)
		}
	case "enum":
		if !slices.Contains(t.members, value) {
			return nil, errors.New("takes one of " + list(t.members))
		}
	case "set":
		return bindSet(t, value)
	case "uuid":
		if !uuid.MatchString(value) {
			return nil, errUUID
		}
	case "inet4", "inet6":
		address, err := netip.ParseAddr(value)
		if err != nil || address.Zone() != "" || t.base == "inet4" && !address.Is4() {
			return nil, errors.New("takes an address of IP")
		}
	case "time":
		return bindClock(t, value)
	}
	return value, nil
}

// bindSet takes members in the order in which the column declares them, in which the
// server returns them.
func bindSet(t columnType, value string) (any, error) {
	if value == "" {
		return value, nil
	}
	last := -1
	for member := range strings.SplitSeq(value, ",") {
		i := slices.Index(t.members, member)
		if i <= last {
			return nil, errors.New("takes some of these, in this order and with a comma between them: " + list(t.members))
		}
		last = i
	}
	return value, nil
}

// shownMembers is how many members of an enum or a set an error lists.
const shownMembers = 20

func list(members []string) string {
	shown := members[:min(len(members), shownMembers)]
	quoted := make([]string, len(shown))
	for i, member := range shown {
		quoted[i] = fmt.Sprintf("%q", member)
	}
	if len(members) > shownMembers {
		quoted = append(quoted, "…")
	}
	return strings.Join(quoted, ", ")
}

// bindBytes refuses what BINARY would fill up with zeros.
func bindBytes(t columnType, value string) (any, error) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || strings.ContainsAny(value, "\r\n") {
		return nil, errNotBase64
	}
	if t.base == "binary" && len(decoded) != t.length {
		return nil, fmt.Errorf("takes exactly %d bytes, as a string of base64", t.length)
	}
	return decoded, nil
}

// bindJSON keeps the text in MariaDB. MySQL parses it: it puts members in an order of
// its own, and turns numbers into integers of 64 bits or doubles
// (https://dev.mysql.com/doc/refman/8.0/en/json.html#json-values).
func (m *MySQL) bindJSON(value driver.JSON) (any, error) {
	m.mu.Lock()
	mariadb := m.server.mariadb
	m.mu.Unlock()
	if mariadb {
		return string(value), nil
	}
	decoder := jsontext.NewDecoder(strings.NewReader(string(value)))
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return string(value), nil //nolint:nilerr // it is valid JSON, so that this is its end
		}
		if token.Kind() != '0' {
			continue
		}
		number, ok := exact.Parse(token.String())
		if !ok {
			return nil, errJSONNumber
		}
		_, signed := number.Int64()
		_, unsigned := number.Uint64()
		if _, same, finite := number.Float64(); !signed && !unsigned && (!finite || !same) {
			return nil, errJSONNumber
		}
	}
}

var (
	errNotDate  = errors.New("takes a day from 0001-01-01 to 9999-12-31, as in 2026-11-23")
	errNotTime  = errors.New("takes a time of RFC 3339, as in 2026-11-23T15:04:05Z")
	errNotClock = errors.New("takes hours, minutes and seconds, from -838:59:59 to 838:59:59, as in 15:04:05")
)

func errFraction(digits int) error {
	if digits == 0 {
		return errors.New("keeps whole seconds; this time would be rounded")
	}
	return fmt.Errorf("keeps %d digits of a second; this time would be rounded", digits)
}

// bindDate takes days that are there; the server takes them in many ways of writing.
func bindDate(value string) (any, error) {
	day, err := time.Parse(time.DateOnly, value)
	if err != nil || day.Year() < 1 {
		return nil, errNotDate
	}
	return value, nil
}

// bindTime keeps a point in time in UTC, which is the time zone of the session too.
func bindTime(t columnType, value string) (any, error) {
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || strings.Contains(value, ",") {
		return nil, errNotTime
	}
	at = at.UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return nil, errNotTime
	}
	digits := max(0, t.length)
	if _, fraction, ok := strings.Cut(value, "."); ok {
		fraction = fraction[:len(fraction)-len(strings.TrimLeft(fraction, "0123456789"))]
		if len(strings.TrimRight(fraction, "0")) > digits {
			return nil, errFraction(digits)
		}
	}
	return at.Format("2006-01-02 15:04:05.999999"), nil
}

var clock = regexp.MustCompile(`^-?([0-9]{2,3}):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?$`)

func bindClock(t columnType, value string) (any, error) {
	match := clock.FindStringSubmatch(value)
	if match == nil || len(match[1]) == 3 && match[1] > "838" || match[1] == "838" && strings.HasSuffix(value, ":59:59"+match[2]) && strings.Trim(match[2], ".0") != "" {
		return nil, errNotClock
	}
	digits := max(0, t.length)
	if fraction := strings.TrimRight(strings.TrimPrefix(match[2], "."), "0"); len(fraction) > digits {
		return nil, errFraction(digits)
	}
	return value, nil
}
