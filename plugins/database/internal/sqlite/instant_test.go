package sqlite

import (
	"testing"
	"time"
)

func TestTextsOfTimesAreShownInUTC(t *testing.T) {
	for text, shown := range map[string]string{
		"2026-11-23T10:00:00.000Z":        "2026-11-23T10:00:00.000Z",
		"2026-11-23T10:00:00Z":            "2026-11-23T10:00:00Z",
		"2026-11-23T10:00:00.1+02:00":     "2026-11-23T08:00:00.1Z",
		"2026-12-31T23:30:00-01:00":       "2027-01-01T00:30:00Z",
		"2026-11-23 10:00:00":             "2026-11-23T10:00:00Z", // CURRENT_TIMESTAMP
		"2026-11-23 10:00:00.250":         "2026-11-23T10:00:00.25Z",
		"2026-11-23 10:00:00+00:00":       "2026-11-23T10:00:00Z",
		"2026-11-23 10:00Z":               "2026-11-23T10:00:00Z",
		"2026-11-23T10:00":                "2026-11-23T10:00:00Z",
		"2026-11-23":                      "2026-11-23",
		"2026-11-23T10:00:00.1234567891Z": "2026-11-23T10:00:00.1234567891Z",
		// No times.
		"":                          "",
		"soon":                      "soon",
		"2026-02-30":                "2026-02-30",
		"2026-02-30T10:00:00Z":      "2026-02-30T10:00:00Z",
		"10:00:00":                  "10:00:00",
		"9999-12-31T23:59:59-01:00": "9999-12-31T23:59:59-01:00",
		"2026-11-23T10:00:00Zz":     "2026-11-23T10:00:00Zz",
	} {
		if got := inUTC(text); got != shown {
			t.Errorf("%q is shown as %q, want %q", text, got, shown)
		}
	}
}

// FuzzInUTC: what is shown stands for the same time, and is shown as itself again.
func FuzzInUTC(f *testing.F) {
	for _, seed := range []string{"2026-11-23 10:00:00", "2026-11-23T10:00:00.123+14:00", "0000-01-01T00:00:00+00:01", "2026-11-23T10:00:00,5Z", "2026-11-23", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := inUTC(text)
		if again := inUTC(shown); again != shown {
			t.Fatalf("%q is shown as %q, and that as %q", text, shown, again)
		}
		instant, ok := timeOf(text)
		if !ok {
			if shown != text {
				t.Fatalf("%q is no time, and is shown as %q", text, shown)
			}
			return
		}
		if got, err := time.Parse(time.RFC3339Nano, shown); shown != text && (err != nil || !got.Equal(instant)) {
			t.Fatalf("%q, which is %s, is shown as %q: %v", text, instant, shown, err)
		}
	})
}
