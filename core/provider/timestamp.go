package provider

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// timeFormat is how a sender writes when it signed.
type timeFormat string

// The formats that senders use.
const (
	inSeconds      timeFormat = "seconds since 1970"
	inMilliseconds timeFormat = "milliseconds since 1970"
	inRFC3339      timeFormat = "RFC 3339"
	inAny          timeFormat = "seconds or milliseconds since 1970, or RFC 3339"
)

// parse reads a time. ok is false for any other text.
func (f timeFormat) parse(text string) (at time.Time, ok bool) {
	if f == inAny {
		// Twelve digits are seconds in the year 5138, and milliseconds in 1973.
		switch {
		case strings.Trim(text, "0123456789") != "":
			f = inRFC3339
		case len(text) >= 12:
			f = inMilliseconds
		}
	}
	if f == inRFC3339 {
		at, err := time.Parse(time.RFC3339Nano, text)
		return at, err == nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<53 {
		return time.Time{}, false
	}
	if f == inMilliseconds {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}

// write is the opposite of parse.
func (f timeFormat) write(at time.Time) string {
	switch f {
	case inRFC3339:
		return at.UTC().Format(time.RFC3339)
	case inMilliseconds:
		return strconv.FormatInt(at.UnixMilli(), 10)
	default:
		return strconv.FormatInt(at.Unix(), 10)
	}
}

// fresh returns a refusal unless a time is within the tolerance, both ways. where says
// what holds the time.
func (r *request) fresh(where, text string, f timeFormat) error {
	at, ok := f.parse(text)
	if !ok {
		return refuse("%s holds no time in %s", where, f)
	}
	now := r.Now
	if at.Nanosecond() == 0 { // whole seconds are compared as such
		now = now.Truncate(time.Second)
	}
	// A difference that is too long for a Duration is the longest one.
	switch age := now.Sub(at); {
	case age > r.Tolerance:
		return refuse("%s is %s old, more than %s", where, inWords(age), inWords(r.Tolerance))
	case age < -r.Tolerance:
		return refuse("%s is %s in the future, more than %s: compare the clocks", where, inWords(-max(age, -math.MaxInt64)), inWords(r.Tolerance))
	}
	return nil
}

// inWords writes a duration in seconds.
func inWords(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}
