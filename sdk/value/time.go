package value

import "time"

// TimeFormat is how times are written for others to read: RFC 3339 in UTC with
// milliseconds. It has one width, so that texts are in the order of the times.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// Time is a time that JSON shows in TimeFormat.
type Time struct{ time.Time }

// MarshalJSON writes the time, cut to milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return append(t.UTC().AppendFormat([]byte{'"'}, TimeFormat), '"'), nil
}
