// Package span reads spans of time as people write them, such as 31d, 12h, 1w, 1mo or
// 1y15d: how far the time of a sandbox is to move.
//
// The package imports nothing of the project.
package span

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Span is a span of time. The zero Span has no length.
type Span struct {
	// Months are those of the calendar.
	Months int
	// Exact is what comes on top.
	Exact time.Duration
}

// The longest span: a hundred years.
const (
	maxMonths = 12 * 100
	maxExact  = 100 * 366 * 24 * time.Hour
)

// part is a number and its unit.
var part = regexp.MustCompile(`^(\d{1,18})(y|mo|w|d|h|ms|m|s)`)

// units are those of a fixed length. A day has 24 hours.
var units = map[string]time.Duration{
	"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
}

// Parse reads a span: whole numbers, each with its unit (y, mo, w, d, h, m, s or ms). ok
// is false for other text, for none at all, and for more than a hundred years.
func Parse(text string) (s Span, ok bool) {
	for rest := text; rest != ""; {
		found := part.FindStringSubmatch(rest)
		if found == nil {
			return Span{}, false
		}
		n, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil {
			return Span{}, false
		}
		months := int64(0)
		switch unit := units[found[2]]; {
		case found[2] == "y":
			months = 12 * min(n, maxMonths)
		case found[2] == "mo":
			months = min(n, 2*maxMonths)
		case n > int64(maxExact/unit):
			return Span{}, false
		default:
			s.Exact += time.Duration(n) * unit
		}
		if s.Months += int(months); s.Months > maxMonths || s.Exact > maxExact {
			return Span{}, false
		}
		rest = rest[len(found[0]):]
	}
	return s, text != ""
}

// After returns the time that is a span later. A month after January 31 is the last day
// of February.
func (s Span) After(t time.Time) time.Time {
	moved := t.AddDate(0, s.Months, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved.Add(s.Exact)
}

// Format returns a duration, in whole seconds, as Parse reads it: "118d2h", "36s", "0s".
// One below zero has a minus sign.
func Format(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d == 0 {
		return "0s"
	}
	var text strings.Builder
	if d < 0 {
		text.WriteByte('-')
		d = -d
	}
	for _, unit := range []string{"d", "h", "m", "s"} {
		if n := d / units[unit]; n > 0 {
			text.WriteString(strconv.FormatInt(int64(n), 10) + unit)
			d -= n * units[unit]
		}
	}
	return text.String()
}
