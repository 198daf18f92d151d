package rating_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
)

const stamp = "2006-01-02T15:04:05"

func at(t *testing.T, text string) int64 {
	t.Helper()
	when, err := time.Parse(stamp, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.Unix()
}

// The examples of https://docs.stripe.com/billing/subscriptions/billing-cycle,
// and days that months and years lack.
func TestPeriodsBeginOnTheAnchorsDay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		recurrence rating.Recurrence
		boundaries []string
	}{
		{"the 2nd", rating.Recurrence{Interval: "month", Count: 1}, []string{
			"2026-09-02T10:00:00", "2026-10-02T10:00:00", "2026-11-02T10:00:00", "2026-12-02T10:00:00", "2027-01-02T10:00:00",
		}},
		{"the 31st", rating.Recurrence{Interval: "month", Count: 1}, []string{
			"2026-01-31T23:59:59", "2026-02-28T23:59:59", "2026-03-31T23:59:59", "2026-04-30T23:59:59", "2026-05-31T23:59:59",
		}},
		{"the 31st in a leap year", rating.Recurrence{Interval: "month", Count: 1}, []string{
			"2028-01-31T00:00:00", "2028-02-29T00:00:00", "2028-03-31T00:00:00",
		}},
		{"the 30th", rating.Recurrence{Interval: "month", Count: 1}, []string{
			"2027-12-30T12:00:00", "2028-01-30T12:00:00", "2028-02-29T12:00:00", "2028-03-30T12:00:00",
		}},
		{"the 29th each quarter", rating.Recurrence{Interval: "month", Count: 3}, []string{
			"2026-11-29T00:00:00", "2027-02-28T00:00:00", "2027-05-29T00:00:00",
		}},
		{"29 February each year", rating.Recurrence{Interval: "year", Count: 1}, []string{
			"2024-02-29T00:00:00", "2025-02-28T00:00:00", "2026-02-28T00:00:00", "2027-02-28T00:00:00", "2028-02-29T00:00:00",
		}},
		{"each Friday", rating.Recurrence{Interval: "week", Count: 1}, []string{
			"2022-06-03T00:00:00", "2022-06-10T00:00:00", "2022-06-17T00:00:00",
		}},
		{"every second day over a month's end", rating.Recurrence{Interval: "day", Count: 2}, []string{
			"2026-02-27T01:00:00", "2026-03-01T01:00:00", "2026-03-03T01:00:00",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			anchor := at(t, test.boundaries[0])
			for n, want := range test.boundaries {
				if got := time.Unix(test.recurrence.Boundary(anchor, n), 0).UTC().Format(stamp); got != want {
					t.Errorf("boundary %d is %s, want %s", n, got, want)
				}
			}
		})
	}
}

func TestPeriodsBeforeTheAnchorEndOnItsDay(t *testing.T) {
	t.Parallel()
	month := rating.Recurrence{Interval: "month", Count: 1}
	start, end := month.Period(at(t, "2026-03-31T08:00:00"), at(t, "2026-02-28T07:59:59"))
	if start != at(t, "2026-01-31T08:00:00") || end != at(t, "2026-02-28T08:00:00") {
		t.Errorf("the period is %s to %s", time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC())
	}
}

func TestPeriodsTileTimeWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	most := map[string]int{"day": 1095, "week": 156, "month": 36, "year": 3}
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "interval")
		r := rating.Recurrence{Interval: interval, Count: rapid.IntRange(1, most[interval]).Draw(t, "count")}
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		anchor := rapid.Int64Range(946684800, 4102444800).Draw(t, "anchor")
		moment := rapid.Int64Range(946684800, 4102444800).Draw(t, "moment")
		start, end := r.Period(anchor, moment)
		if moment < start || moment >= end {
			t.Fatalf("%d is not in [%d, %d)", moment, start, end)
		}
		if from, to := r.Period(anchor, end); from != end || to <= from {
			t.Fatalf("after [%d, %d) follows [%d, %d)", start, end, from, to)
		}
		if from, to := r.Period(anchor, start-1); to != start || from >= to {
			t.Fatalf("before [%d, %d) lies [%d, %d)", start, end, from, to)
		}
		if from, to := r.Period(anchor, start); from != start || to != end {
			t.Fatalf("[%d, %d) begins in [%d, %d)", start, end, from, to)
		}
	})
}

func TestARecurrenceOfMoreThanThreeYearsIsRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []rating.Recurrence{
		{Interval: "month", Count: 37}, {Interval: "year", Count: 4}, {Interval: "week", Count: 157},
		{Interval: "day", Count: 0}, {Interval: "hour", Count: 1}, {},
	} {
		if r.Check() == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}
