package span_test

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk/span"
)

func TestSpansAreThoseOfACalendar(t *testing.T) {
	t.Parallel()
	from := time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"31d": "2027-03-03T10:00:00Z", "1w": "2027-02-07T10:00:00Z", "12h": "2027-01-31T22:00:00Z", "90m": "2027-01-31T11:30:00Z",
		"1mo": "2027-02-28T10:00:00Z", "13mo": "2028-02-29T10:00:00Z", "1y": "2028-01-31T10:00:00Z", "1y1mo1d": "2028-03-01T10:00:00Z",
		"1mo1m": "2027-02-28T10:01:00Z", "1d1mo": "2027-03-01T10:00:00Z", "2s1500ms": "2027-01-31T10:00:03Z", "100y": "2127-01-31T10:00:00Z", "0d": "2027-01-31T10:00:00Z",
		"": "", "d": "", "31": "", "-1d": "", "1d ": "", "1dd": "", "1.5mo": "", "0.5d": "", "1 d": "", "1month": "", "1mo?": "", "1D": "",
		"1201mo": "", "101y": "", "100y1mo": "", "9999y": "", "40000d": "", "99999999999999999999d": "", "999999999999999999w": "",
	} {
		s, ok := span.Parse(text)
		if ok != (want != "") {
			t.Errorf("%q is a span: %v", text, ok)
		}
		if got := s.After(from).Format(time.RFC3339); ok && got != want {
			t.Errorf("%s after %s is %s, want %s", text, from, got, want)
		}
	}
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 72 * time.Hour: "3d", 26*time.Hour + 5*time.Second: "1d2h5s", 90 * time.Minute: "1h30m", 1500 * time.Millisecond: "1s", -36 * time.Hour: "-1d12h",
	} {
		text := span.Format(d)
		if text != want {
			t.Errorf("%v is written as %q, want %q", d, text, want)
		}
		if s, ok := span.Parse(text); d >= 0 && (!ok || s.Exact != d.Truncate(time.Second)) {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

func FuzzSpan(f *testing.F) {
	for _, text := range []string{"31d", "1y6mo", "1mo1m", "90m", "100y", "1dd", "99999999999999999999d", "5ms5s5m5h5d5w5mo5y", ""} {
		f.Add(text)
	}
	from := time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := span.Parse(text)
		if !ok {
			return
		}
		if to := s.After(from); to.Before(from) || to.After(from.AddDate(201, 0, 0)) {
			t.Errorf("%q after %s is %s", text, from, to)
		}
	})
}
