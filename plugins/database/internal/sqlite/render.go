package sqlite

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/go-json-experiment/json/jsontext"
)

// Render appends a stored value. SQLite keeps a type with each value, so that
// a column may hold what it was not declared for (by a trigger, a default or
// another program): such a value is shown as what it is.
func (*SQLite) Render(dst []byte, column driver.Column, stored any) ([]byte, error) {
	switch value := stored.(type) {
	case nil:
		return append(dst, "null"...), nil
	case int64:
		if column.Kind == driver.KindBoolean && (value == 0 || value == 1) {
			return strconv.AppendBool(dst, value == 1), nil
		}
		return strconv.AppendInt(dst, value, 10), nil
	case float64:
		if math.IsInf(value, 0) {
			return driver.AppendString(dst, strings.TrimPrefix(strconv.FormatFloat(value, 'g', -1, 64), "+")+"inity"), nil
		}
		return jsontext.AppendFormat(dst, driver.FormatFloat(value, 64))
	case string:
		if column.Kind == driver.KindJSON && jsontext.Value(value).IsValid() {
			return jsontext.AppendFormat(dst, value)
		}
		if column.Kind == driver.KindTime {
			value = inUTC(value)
		}
		return driver.AppendString(dst, value), nil
	case time.Time:
		return driver.AppendString(dst, timeText(column, value)), nil
	case []byte:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, value)
		return append(dst, '"'), nil
	}
	return nil, fmt.Errorf("sqlite: a stored value of type %T cannot be shown", stored)
}
