package mysql

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
	"github.com/go-json-experiment/json/jsontext"
)

// Render appends a stored value. What is stored and is not of the column's kind, such
// as the zero date that another program wrote, is shown as the text that it is.
func (*MySQL) Render(dst []byte, column driver.Column, stored any) ([]byte, error) {
	switch value := stored.(type) {
	case nil:
		return append(dst, "null"...), nil
	case int64:
		if column.Kind == driver.KindBoolean && (value == 0 || value == 1) {
			return strconv.AppendBool(dst, value == 1), nil
		}
		return strconv.AppendInt(dst, value, 10), nil
	case uint64:
		if column.Kind == driver.KindBoolean && value <= 1 {
			return strconv.AppendBool(dst, value == 1), nil
		}
		return strconv.AppendUint(dst, value, 10), nil
	case float32:
		return jsontext.AppendFormat(dst, driver.FormatFloat(float64(value), 32))
	case float64:
		bits := 64
		if typeOf(column).base == "float" {
			bits = 32
		}
		return jsontext.AppendFormat(dst, driver.FormatFloat(value, bits))
	case string:
		return renderText(dst, column, value)
	case []byte:
		if column.Kind == driver.KindBlob || column.Kind == driver.KindAny && !utf8.Valid(value) {
			dst = append(dst, '"')
			dst = base64.StdEncoding.AppendEncode(dst, value)
			return append(dst, '"'), nil
		}
		return renderText(dst, column, string(value))
	}
	return nil, fmt.Errorf("mysql: a stored value of type %T cannot be shown", stored)
}

// stored times are as the server writes them.
const (
	storedTime  = "2006-01-02 15:04:05"
	storedClock = len("00:00:00")
)

func renderText(dst []byte, column driver.Column, value string) ([]byte, error) {
	switch column.Kind {
	case driver.KindInteger, driver.KindNumeric, driver.KindBoolean:
		number := trimZeros(value)
		if _, ok := exact.Parse(number); ok {
			return append(dst, number...), nil
		}
	case driver.KindJSON:
		if jsontext.Value(value).IsValid() {
			return jsontext.AppendFormat(dst, value)
		}
	case driver.KindTime:
		if at, err := time.Parse(storedTime, value); err == nil && at.Year() > 0 {
			return driver.AppendString(dst, at.Format(time.RFC3339Nano)), nil
		}
	case driver.KindText:
		if len(value) > storedClock && typeOf(column).base == "time" && strings.Contains(value, ".") {
			value = strings.TrimSuffix(strings.TrimRight(value, "0"), ".")
		}
	}
	return driver.AppendString(dst, value), nil
}

// trimZeros removes the zeros before a number that ZEROFILL writes.
func trimZeros(number string) string {
	trimmed := strings.TrimLeft(number, "0")
	if trimmed == "" || trimmed[0] == '.' {
		trimmed = "0" + trimmed
	}
	return trimmed
}
