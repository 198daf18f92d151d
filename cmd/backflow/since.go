package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// agoPart is a part of how long ago something was: a number and its unit.
var agoPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(w|d|h|ms|m|s)`)

// units are those of a duration on the command line. A day is 24 hours.
var units = map[string]time.Duration{
	"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
}

// parseAgo reads a duration such as 3d, 90m or 1d12h. ok is false for other text,
// and for one that no time before now is so far away from.
func parseAgo(text string) (ago time.Duration, ok bool) {
	for rest := text; rest != ""; {
		part := agoPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, false
		}
		n, err := strconv.ParseFloat(part[1], 64)
		if n *= float64(units[part[2]]); err != nil || float64(ago)+n > float64(maxAgo) {
			return 0, false
		}
		ago += time.Duration(n)
		rest = rest[len(part[0]):]
	}
	return ago, text != ""
}

// maxAgo bounds how long ago something can be: a hundred years.
const maxAgo = 100 * 365 * 24 * time.Hour

// sinceTime reads --since: a time, or how long ago it was. It returns a time of
// RFC 3339 in UTC; "" for "".
func sinceTime(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if ago, ok := parseAgo(text); ok {
		return now.Add(-ago).UTC().Format(time.RFC3339), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "", fmt.Errorf("--since is how long ago, such as 90m, 24h, 3d or 2w, or a time such as 2026-01-31T12:00:00Z, not %q", text)
	}
	if at.After(now) {
		return "", fmt.Errorf("--since %s lies in the future", text)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}
