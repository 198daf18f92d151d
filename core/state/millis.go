package state

import (
	"fmt"
	"time"
)

// Stores count time in whole milliseconds, as Redis does. Rounding is upwards
// throughout, so that nothing is due or over early.

// Millis returns d in milliseconds, rounded up.
func Millis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// DueMillis returns the due time of a SetTimer op, as Unix milliseconds, when the
// store's clock shows now.
func (o Op) DueMillis(now time.Time) int64 {
	if o.At.IsZero() {
		return now.UnixMilli() + Millis(max(o.After, 0))
	}
	ms := o.At.UnixMilli()
	if o.At.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

// ValidateDue returns an error for a reading of timers that no store can do.
func ValidateDue(queue string, limit int) error {
	if limit <= 0 {
		return fmt.Errorf("state: due timers of %s: %w: limit %d is not positive", queue, ErrInvalid, limit)
	}
	return nil
}
