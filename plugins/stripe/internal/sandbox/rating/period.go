package rating

import (
	"fmt"
	"time"
)

// Recurrence is how often a price recurs, such as every 3 months.
type Recurrence struct {
	Interval string // "day", "week", "month" or "year"
	Count    int    // of intervals in one period, at least 1
}

// longest is how many intervals a period may have: three years of them
// (https://docs.stripe.com/api/prices/create, recurring.interval_count).
var longest = map[string]int{"day": 1095, "week": 156, "month": 36, "year": 3}

// Check returns why Stripe takes no such recurrence, or nil.
func (r Recurrence) Check() error {
	most, known := longest[r.Interval]
	switch {
	case !known:
		return fmt.Errorf("rating: no interval %q", r.Interval)
	case r.Count < 1 || r.Count > most:
		return fmt.Errorf("rating: %d intervals of a %s; 1 to %d are allowed", r.Count, r.Interval, most)
	}
	return nil
}

// Boundary returns the time that is n periods after anchor, or before it where
// n is negative. Where the month has no such day it is the last day of the
// month, and the anchor's day again in the next that has it
// (https://docs.stripe.com/billing/subscriptions/billing-cycle).
func (r Recurrence) Boundary(anchor int64, n int) int64 {
	at := time.Unix(anchor, 0).UTC()
	switch r.Interval {
	case "day":
		return at.AddDate(0, 0, n*r.Count).Unix()
	case "week":
		return at.AddDate(0, 0, 7*n*r.Count).Unix()
	case "year":
		return addMonths(at, 12*n*r.Count).Unix()
	}
	return addMonths(at, n*r.Count).Unix()
}

// Period returns the period that holds at: from start, which belongs to it, to
// end, which does not. Periods lie end to end from anchor in both directions.
func (r Recurrence) Period(anchor, at int64) (start, end int64) {
	n := r.estimate(anchor, at)
	for r.Boundary(anchor, n) > at {
		n--
	}
	for r.Boundary(anchor, n+1) <= at {
		n++
	}
	return r.Boundary(anchor, n), r.Boundary(anchor, n+1)
}

// estimate returns how many periods after anchor at lies, or one off.
func (r Recurrence) estimate(anchor, at int64) int {
	from, to := time.Unix(anchor, 0).UTC(), time.Unix(at, 0).UTC()
	const day = 24 * 60 * 60
	switch r.Interval {
	case "day":
		return int((at - anchor) / day / int64(r.Count))
	case "week":
		return int((at - anchor) / (7 * day) / int64(r.Count))
	}
	months := 12*(to.Year()-from.Year()) + int(to.Month()) - int(from.Month())
	if r.Interval == "year" {
		return months / (12 * r.Count)
	}
	return months / r.Count
}

func addMonths(at time.Time, months int) time.Time {
	first := time.Date(at.Year(), at.Month()+time.Month(months), 1, at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(at.Day(), last)-1)
}
