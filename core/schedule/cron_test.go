package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/schedule"
)

func parse(t testing.TB, cron, zone string) *schedule.Cron {
	t.Helper()
	c, err := schedule.ParseCron(cron, zone)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Changes of 2026: Berlin at 01:00 UTC on 29 March and 25 October; New York at
// 07:00 UTC on 8 March and 06:00 UTC on 1 November; Lord Howe moves by half an
// hour, at 15:30 UTC on 3 October and 15:00 UTC on 4 April.
func TestTicksWhereClocksAreChanged(t *testing.T) {
	for name, test := range map[string]struct {
		cron, zone, from string
		want             []string
	}{
		"Berlin, a skipped time comes after the gap": {"30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z",
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		"Berlin, several skipped times come once": {"15,45 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00", "2026-03-30T02:45:00+02:00"}},
		"Berlin, a skipped time that meets another": {"0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"Berlin, a repeated time comes once": {"30 2 * * *", "Europe/Berlin", "2026-10-24T10:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		"Berlin, asked within the repetition": {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z",
			[]string{"2026-10-26T02:30:00+01:00"}},
		"Berlin, the first time after the repetition": {"0 3 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z",
			[]string{"2026-10-25T03:00:00+01:00"}},
		"Berlin, every hour, forward": {"0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00+01:00",
			[]string{"2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"}},
		"Berlin, every hour, back": {"@hourly", "Europe/Berlin", "2026-10-25T01:30:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		"Berlin, every half hour, back": {"*/30 * * * *", "Europe/Berlin", "2026-10-25T02:00:00+02:00",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"}},
		"Berlin, every hour of one day": {"30 * 25 10 *", "Europe/Berlin", "2026-10-25T02:45:00+01:00",
			[]string{"2026-10-25T03:30:00+01:00"}},
		"New York, a skipped time comes after the gap": {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		"New York, a repeated time comes once": {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		"New York, every quarter, back": {"*/15 * * * *", "America/New_York", "2026-11-01T01:40:00-04:00",
			[]string{"2026-11-01T01:45:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T01:15:00-05:00"}},
		"Lord Howe, half an hour is skipped": {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		"Lord Howe, every hour, forward": {"0 * * * *", "Australia/Lord_Howe", "2026-10-03T15:10:00Z",
			[]string{"2026-10-03T16:00:00Z", "2026-10-03T17:00:00Z"}},
		"Lord Howe, every hour, back": {"45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"}},
		"Sao Paulo, midnight did not exist": {"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z",
			[]string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		"Apia, a day did not exist": {"0 12 30 12 *", "Pacific/Apia", "2011-12-20T00:00:00Z",
			[]string{"2011-12-31T00:00:00+14:00", "2012-12-30T12:00:00+14:00"}},
		"UTC":            {"0 3 * * *", "", "2026-03-29T03:00:00Z", []string{"2026-03-30T03:00:00Z"}},
		"leap day":       {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
		"either day":     {"0 0 13 * FRI", "UTC", "2026-02-01T00:00:00Z", []string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
		"a named period": {"@monthly", "Asia/Kathmandu", "2026-02-01T00:00:00Z", []string{"2026-03-01T00:00:00+05:45"}},
	} {
		c, at := parse(t, test.cron, test.zone), instant(t, test.from)
		for _, want := range test.want {
			if at = c.Next(at); !at.Equal(instant(t, want)) {
				t.Errorf("%s: tick at %s, want %s", name, at.Format(time.RFC3339), want)
				break
			}
		}
	}
}

func TestTheLatestMissedTickIsFound(t *testing.T) {
	for _, test := range []struct{ cron, after, until, want string }{
		{"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-09T02:59:59Z", "2026-01-08T03:00:00Z"},
		{"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-09T03:00:00Z", "2026-01-09T03:00:00Z"},
		{"* * * * *", "1999-01-01T00:00:00Z", "2026-01-09T03:00:30Z", "2026-01-09T03:00:00Z"},
		{"0 0 29 2 *", "1990-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"0 0 1 * *", "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", ""},
		{"0 0 1 * *", "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z", ""},
	} {
		got := parse(t, test.cron, "").Latest(instant(t, test.after), instant(t, test.until))
		if test.want == "" && !got.IsZero() || test.want != "" && !got.Equal(instant(t, test.want)) {
			t.Errorf("%s after %s until %s: got %s, want %s", test.cron, test.after, test.until, got, test.want)
		}
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	for _, cron := range []string{
		"", "0", "* * * *", "0 0 3 * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 7", "0 0 * * FOO",
		"*/0 * * * *", "5-1 * * * *", "0 0 30 2 *", "@every 1h", "@every 1s", "@reboot", "@", "TZ=UTC 0 3 * * *", "CRON_TZ=", "TZ=",
		"99999999999999999999 * * * *",
		"*/90 * * * *", "*/60 * * * *", "0 */25 * * *", "0 0 */32 * *", "0 0 1 */13 *", "0 0 * * */8", "50/20 * * * *", "10-20/30 * * * *",
		"1,,2 * * * *", ",1 * * * *", "1, * * * *", "+1 * * * *", "1-+5 * * * *", "*/+5 * * * *", "-1 * * * *", "1- * * * *", "1.0 * * * *",
		"1/ * * * *", "1/2/3 * * * *", "1-2-3 * * * *", "** * * * *", "0 0 * * sun-mon-tue", "0 0 * * tue-mon", "0 0 31 feb *", "0 0 31 4,6 *",
	} {
		if _, err := schedule.ParseCron(cron, ""); !errors.Is(err, schedule.ErrCron) {
			t.Errorf("%q: %v", cron, err)
		}
	}
	for _, zone := range []string{"Local", "Europe/Berlinn", "CEST", "../etc/passwd", "+01:00", "posix/Europe/Berlin", "right/UTC", "localtime", "posixrules", "Factory"} {
		if _, err := schedule.ParseCron("0 3 * * *", zone); !errors.Is(err, schedule.ErrZone) || !strings.Contains(err.Error(), zone) {
			t.Errorf("%q: %v", zone, err)
		}
	}
}

func TestAFieldThatIsWrongIsNamed(t *testing.T) {
	for cron, want := range map[string]string{
		"*/90 * * * *":   `minute "*/90": the step 90 leads out of the field, which goes from 0 to 59 here`,
		"1,,2 * * * *":   `minute "1,,2": a part of the list is empty`,
		"0 +1 * * *":     `hour "+1": "+1" is not a number`,
		"0 0 9-5 * *":    `day of the month "9-5": the range 9-5 ends before it begins`,
		"0 0 1 14 *":     `month "14": 14 is not from 1 to 12`,
		"0 0 * * MO":     `day of the week "MO": "MO" is neither a number nor one of sun, mon, tue, wed, thu, fri, sat`,
		"0 0 * * 7":      `7 is not from 0 to 6`,
		"0 0 30 2 *":     "there is no such day",
		"0 */0 * * *":    "a step is at least 1",
		"0 0 0 1 1 2026": "expected exactly 5 fields, found 6",
	} {
		if _, err := schedule.ParseCron(cron, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", cron, err, want)
		}
	}
	for _, cron := range []string{"*/59 * * * *", "0 9-17/8 * * mon-FRI", "0 0 1,15 jan,7 ?", "5/10 0 * * *", "@weekly", "0 0 29 2 *"} {
		if _, err := schedule.ParseCron(cron, ""); err != nil {
			t.Errorf("%s: %v", cron, err)
		}
	}
}

// FuzzPlan: ticks come in order, none is passed over, and nothing panics.
func FuzzPlan(f *testing.F) {
	for _, cron := range []string{"30 2 * * *", "0 * * * *", "*/7 1-5/2 * * MON-FRI", "@weekly", "0 0 29 2 *", "TZ=", "@every 1s", "*/90 * * * *", "1,,2 * * * *", "+1 * * * *"} {
		f.Add(cron, "Europe/Berlin", int64(1774746000), uint16(7200))
		f.Add(cron, "Australia/Lord_Howe", int64(1775314800), uint16(3600))
	}
	f.Fuzz(func(t *testing.T, cron, zone string, seconds int64, span uint16) {
		c, err := schedule.ParseCron(cron, zone)
		if err != nil {
			return
		}
		from := time.Unix(seconds%(1<<33), 0)
		next := c.Next(from)
		if next.IsZero() {
			return
		}
		if !next.After(from) || next.Nanosecond() != 0 {
			t.Fatalf("%q in %q: after %s comes %s", cron, zone, from, next)
		}
		between := from.Add(min(next.Sub(from)-1, time.Duration(span)*time.Second))
		if again := c.Next(between); !again.Equal(next) {
			t.Fatalf("%q in %q: after %s comes %s, but after %s comes %s", cron, zone, from, next, between, again)
		}
	})
}
