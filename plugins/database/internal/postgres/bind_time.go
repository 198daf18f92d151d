package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

var (
	errNotTime  = errors.New("takes a time in the form of RFC 3339, such as 2026-11-23T12:00:00Z")
	errNotDate  = errors.New("takes a day, such as 2026-11-23")
	errNotClock = errors.New("takes a time of day, such as 12:30:00")
)

// infinite are the times that are later and earlier than all others.
func infinite(value string) bool { return value == "infinity" || value == "-infinity" }

// maxFraction is how many digits of a second are kept.
const maxFraction = 6

// beyond reports whether a time has digits of a second that the column would round.
func beyond(d *details, value string) error {
	keeps := maxFraction
	if d.fraction >= 0 {
		keeps = d.fraction
	}
	_, after, found := strings.Cut(value, ".")
	if !found {
		return nil
	}
	end := 0
	for end < len(after) && after[end] >= '0' && after[end] <= '9' {
		end++
	}
	if len(strings.TrimRight(after[:end], "0")) > keeps {
		return fmt.Errorf("keeps %d digits of a second, and would round this time", keeps)
	}
	return nil
}

// bindTime binds an instant. One without a zone, in a column without one, is in UTC.
func bindTime(column driver.Column, value string) (any, error) {
	if infinite(value) {
		return value, nil
	}
	instant, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || strings.Contains(value, ",") {
		return nil, errNotTime
	}
	instant = instant.UTC()
	if instant.Year() < 1 || instant.Year() > 9999 {
		return nil, errNotTime
	}
	d := column.Details.(*details)
	if err := beyond(d, value); err != nil {
		return nil, err
	}
	text := instant.Format("2006-01-02 15:04:05.999999")
	if d.base == "timestamptz" {
		text += "+00"
	}
	return text, nil
}

func bindDate(value string) (any, error) {
	if infinite(value) {
		return value, nil
	}
	if day, err := time.Parse(time.DateOnly, value); err != nil || day.Year() < 1 {
		return nil, errNotDate
	}
	return value, nil
}

// clock is a time of day, with a zone or without.
var clock = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$`)

func bindTimeOfDay(d *details, value string) (any, error) {
	found := clock.FindStringSubmatch(value)
	if found == nil || d.base == "time" && found[4] != "" || d.base == "timetz" && found[4] == "" {
		return nil, errNotClock
	}
	return value, beyond(d, value)
}
