package main

import (
	"regexp"
	"strconv"
	"time"
)

// span is how far time is moved: by months of the calendar, and by an exact duration.
type span struct {
	months int
	exact  time.Duration
}

// calendarPart is a part of a span that has no fixed length.
var calendarPart = regexp.MustCompile(`^(\d{1,4})(y|mo)`)

// parseSpan reads a span such as 31d, 1w, 12h, 1mo or 1y6mo. ok is false for other
// text, for none at all, and beyond a hundred years.
func parseSpan(text string) (s span, ok bool) {
	rest := text
	for {
		part := calendarPart.FindStringSubmatch(rest)
		if part == nil {
			break
		}
		n, err := strconv.Atoi(part[1])
		if part[2] == "y" {
			n *= 12
		}
		if s.months += n; err != nil || s.months > 12*100 {
			return span{}, false
		}
		rest = rest[len(part[0]):]
	}
	if rest != "" {
		if s.exact, ok = parseAgo(rest); !ok {
			return span{}, false
		}
	}
	return s, s != span{}
}

// after returns the time a span later. A month after the last day of January is the
// last day of February.
func (s span) after(t time.Time) time.Time {
	moved := t.AddDate(0, s.months, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved.Add(s.exact)
}
