package sqlite

import (
	sqldriver "database/sql/driver"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	modernc "modernc.org/sqlite"
)

// timeLayouts are the texts that SQLite's own functions take for a time, of those that
// name a day; one without a zone is in UTC
// (https://www.sqlite.org/lang_datefunc.html, 2). A fraction of a second may follow.
var timeLayouts = []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly}

// timeOf reads a text as a point in time.
func timeOf(text string) (instant time.Time, ok bool) {
	if day := len(time.DateOnly); len(text) > day && text[day] == ' ' {
		text = text[:day] + "T" + text[day+1:]
	}
	for _, layout := range timeLayouts {
		if instant, err := time.Parse(layout, text); err == nil {
			instant = instant.UTC()
			return instant, instant.Year() >= 0 && instant.Year() <= 9999
		}
	}
	return time.Time{}, false
}

// inUTC returns a text of a point in time as RFC 3339 in UTC, with the fraction as it is
// written where it is in UTC already; and any other text as it is, that of a day too.
func inUTC(text string) string {
	instant, ok := timeOf(text)
	switch {
	case !ok || len(text) == len(time.DateOnly):
		return text
	case strings.HasSuffix(text, "Z") && text[len(time.DateOnly)] == 'T' && len(text) >= len("2006-01-02T15:04:05Z"):
		return text
	}
	return instant.Format(time.RFC3339Nano)
}

// instantFunction is the name of the SQL function by which times are compared: a text of
// one width for a text or a number of seconds since 1970 that is a time, and any other
// value as it is. No text has to be as another program wrote it, so that an index on the
// column is of no use.
const instantFunction = "backflow_instant"

// comparable has nine digits of a second, so that texts are in the order of the times.
const comparable = "2006-01-02T15:04:05.000000000Z"

// registerInstant makes the function known to the connections that are made from then
// on.
var registerInstant = sync.OnceValue(func() error {
	return modernc.RegisterDeterministicScalarFunction(instantFunction, 1, func(_ *modernc.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		var instant time.Time
		ok := false
		switch stored := args[0].(type) {
		case string:
			instant, ok = timeOf(stored)
		case int64:
			instant = time.Unix(stored, 0).UTC()
			ok = stored >= firstSecond && stored <= lastSecond
		}
		if !ok {
			return args[0], nil
		}
		return instant.Format(comparable), nil
	})
})

// firstSecond and lastSecond bound the years 0 to 9999, in seconds since 1970.
const firstSecond, lastSecond = -62167219200, 253402300799

// compared is Syntax.Compared: times are compared as what they stand for.
func compared(column driver.Column, expression string, _ bool) string {
	if column.Kind != driver.KindTime {
		return expression
	}
	return instantFunction + "(" + expression + ")"
}
