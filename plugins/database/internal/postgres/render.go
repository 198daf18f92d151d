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
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Render appends a value as pgx reads it, or as PostgreSQL writes it.
func (p *Postgres) Render(dst []byte, column driver.Column, stored any) ([]byte, error) {
	switch value := stored.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, value), nil
	case int64:
		return strconv.AppendInt(dst, value, 10), nil
	case float64:
		return appendFloat(dst, value), nil
	case []byte:
		if column.Kind == driver.KindJSON {
			return p.renderText(dst, column, string(value))
		}
		return appendBytes(dst, value), nil
	case time.Time:
		return renderTime(dst, column, value), nil
	case string:
		return p.renderText(dst, column, value)
	}
	return nil, fmt.Errorf("postgres: a stored value of type %T cannot be shown", stored)
}

// renderText appends a value that was read as text.
func (p *Postgres) renderText(dst []byte, column driver.Column, value string) ([]byte, error) {
	switch column.Kind {
	case driver.KindBoolean:
		return strconv.AppendBool(dst, value == "t" || value == "true"), nil
	case driver.KindInteger:
		return append(dst, value...), nil
	case driver.KindReal:
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("postgres: a stored number cannot be shown: %w", err)
		}
		if math.IsInf(number, 0) || math.IsNaN(number) {
			return driver.AppendString(dst, value), nil
		}
		return appendNumber(dst, driver.FormatFloat(number, bits(column)))
	case driver.KindNumeric:
		if slices.Contains(notNumbers, value) {
			return driver.AppendString(dst, value), nil
		}
		return appendNumber(dst, value)
	case driver.KindBlob:
		decoded, err := hex.DecodeString(strings.TrimPrefix(value, `\x`))
		if err != nil {
			return nil, fmt.Errorf("postgres: stored bytes cannot be shown: %w", err)
		}
		return appendBytes(dst, decoded), nil
	case driver.KindJSON:
		if jsontext.Value(value).IsValid() {
			return jsontext.AppendFormat(dst, []byte(value))
		}
	case driver.KindTime:
		value = rfc3339(column, value)
	case driver.KindArray:
		elements, rest, err := parseArray(value)
		if err != nil || rest != "" {
			return nil, errArray
		}
		return p.renderArray(dst, column, elements)
	}
	if column.Details.(*details).base == "bpchar" {
		value = strings.TrimRight(value, " ")
	}
	return driver.AppendString(dst, value), nil
}

// appendNumber appends a number of the server's, in which every digit counts.
func appendNumber(dst []byte, number string) ([]byte, error) {
	if !jsontext.Value(number).IsValid() {
		return nil, errors.New("postgres: a stored number is of no form that JSON has")
	}
	return append(dst, number...), nil
}

func appendFloat(dst []byte, value float64) []byte {
	switch {
	case math.IsNaN(value):
		return append(dst, `"NaN"`...)
	case math.IsInf(value, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(value, -1):
		return append(dst, `"-Infinity"`...)
	}
	return append(dst, driver.FormatFloat(value, 64)...)
}

// bits is how many a real number of the column has.
func bits(column driver.Column) int {
	if column.Details.(*details).base == "float4" {
		return 32
	}
	return 64
}

func appendBytes(dst, value []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, '"')
}

// rfc3339 is an instant as the server writes it, "2026-11-23 12:00:00.5+00", in the form
// of RFC 3339. Years that the form does not have, and infinity, stay as they are.
func rfc3339(column driver.Column, value string) string {
	day, clock, found := strings.Cut(value, " ")
	if !found || len(day) != len("2026-11-23") || strings.HasSuffix(value, " BC") {
		return value
	}
	if column.Details.(*details).base == "timestamptz" {
		clock, found = strings.CutSuffix(clock, "+00")
		if !found {
			return value
		}
	}
	return day + "T" + clock + "Z"
}
