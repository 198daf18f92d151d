package main

import (
	"testing"
	"time"
)

func TestSinceIsATimeOrHowLongAgo(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"":                          "",
		"3d":                        "2026-03-28T12:00:00Z",
		"2w":                        "2026-03-17T12:00:00Z",
		"24h":                       "2026-03-30T12:00:00Z",
		"90m":                       "2026-03-31T10:30:00Z",
		"1d12h":                     "2026-03-30T00:00:00Z",
		"1.5h":                      "2026-03-31T10:30:00Z",
		"30s":                       "2026-03-31T11:59:30Z",
		"0s":                        "2026-03-31T12:00:00Z",
		"2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00Z",
	} {
		if got, err := sinceTime(text, now); err != nil || got != want {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"nonsense", "3", "d", "-3d", "+3d", "3 d", " 3d", "3D", "3d!", "3y", "1e3h", "99999999999999999999d", "36501d", "NaNd",
		"2026-04-01T00:00:00Z", "2026-01-31", "2026-13-01T00:00:00Z",
	} {
		if got, err := sinceTime(text, now); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}
