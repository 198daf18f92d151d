package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // so that zones are known where the machine has no files of them

	"github.com/robfig/cron/v3"
)

// Errors of ParseCron, to tell which of its arguments is meant.
var (
	ErrCron = errors.New("not a cron expression")
	ErrZone = errors.New("not a time zone")
)

// Cron says when a schedule ticks: a cron expression in a time zone. It is
// immutable and safe for concurrent use.
//
// Where clocks are changed, it keeps the rules of Vixie cron and its successors.
// A local time that is skipped ticks at the first instant after the gap. One
// that comes twice ticks the first time. An expression for every hour has no local
// times to skip or repeat: it ticks in each hour that passes.
type Cron struct {
	expression, zone string
	location         *time.Location
	// fields have no zone: they are asked for local times, written as UTC.
	fields    *cron.SpecSchedule
	everyHour bool
}

// parser reads the five fields of crontab(5), and names such as @daily.
var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseCron reads an expression: minute, hour, day of month, month and day of the
// week, or one of @yearly, @annually, @monthly, @weekly, @daily, @midnight and
// @hourly. The zone is a name of the IANA time zone database; empty is UTC.
//
// Errors match ErrCron or ErrZone; what stands behind these in the text is for
// the user.
func ParseCron(expression, zone string) (*Cron, error) {
	c := &Cron{expression: expression, zone: zone, location: time.UTC}
	if zone != "" {
		var err error
		if c.location, err = time.LoadLocation(zone); err != nil || !isZone(zone) {
			return nil, fmt.Errorf("%w: %q", ErrZone, zone)
		}
	}
	// The parser's other forms are not times of a clock in this zone.
	if strings.HasPrefix(expression, "@every") || strings.Contains(expression, "TZ=") {
		return nil, fmt.Errorf("%w: five fields, or a name such as @daily", ErrCron)
	}
	if !strings.HasPrefix(expression, "@") {
		if err := checkFields(expression); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCron, err)
		}
	}
	parsed, err := parser.Parse(expression)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCron, err)
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%w: five fields, or a name such as @daily", ErrCron)
	}
	fields.Location = time.UTC
	c.fields = fields
	const hours = 1<<24 - 1
	c.everyHour = fields.Hour&hours == hours
	// A leap year and the three after it have every day that there is.
	if fields.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%w: there is no such day", ErrCron)
	}
	return c, nil
}

// isZone reports whether a file of the time zone database is a zone that has the same
// rules on every machine: not what the machine itself is set to, and none of the copies
// of zones that some machines have, of which those below right/ count leap seconds.
func isZone(name string) bool {
	first, _, below := strings.Cut(name, "/")
	switch {
	case below && (first == "posix" || first == "right"):
		return false
	case name == "Local" || name == "localtime" || name == "posixrules" || name == "Factory":
		return false
	}
	return true
}

// Next returns the first tick after an instant, in UTC; zero where none comes
// within some years.
func (c *Cron) Next(after time.Time) time.Time {
	if c.everyHour {
		return c.nextElapsed(after)
	}
	// A tick is never before its local time: the search from the instant's own local
	// time passes over none.
	for local := c.local(after); ; {
		if local = c.fields.Next(local); local.IsZero() {
			return time.Time{}
		}
		if at := c.instant(local); at.After(after) {
			return at.UTC()
		}
	}
}

// Latest returns the last tick that is after one instant and not after another;
// zero where none exists.
func (c *Cron) Latest(after, until time.Time) time.Time {
	// Few ticks are computed, however long the time between: the search goes back
	// in growing spans until it finds one.
	for back := time.Hour; ; back *= 24 {
		from := until.Add(-back)
		all := !from.After(after)
		if all {
			from = after
		}
		var latest time.Time
		for at := c.Next(from); !at.IsZero() && !at.After(until); at = c.Next(at) {
			latest = at
		}
		if !latest.IsZero() || all {
			return latest
		}
	}
}

// local returns the local time at an instant, written as UTC.
func (c *Cron) local(at time.Time) time.Time {
	_, offset := at.In(c.location).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when a local time, written as UTC, comes: the first time where
// it comes twice, and the end of the gap where it does not come.
func (c *Cron) instant(local time.Time) time.Time {
	at := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, c.location)
	start, end := at.ZoneBounds()
	switch shown := c.local(at); {
	case shown.After(local): // read with the offset before the gap
		return start
	case shown.Before(local): // read with the offset after it
		return end
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if first := local.Add(-time.Duration(before) * time.Second); first.Before(start) {
			return first
		}
	}
	return at
}

// nextElapsed is Next for an hourly expression: as long as the offset stays, its
// ticks are those of a clock that is not changed.
func (c *Cron) nextElapsed(after time.Time) time.Time {
	for {
		zoned := after.In(c.location)
		_, seconds := zoned.Zone()
		offset := time.Duration(seconds) * time.Second
		local := c.fields.Next(after.UTC().Add(offset))
		if local.IsZero() {
			return time.Time{}
		}
		at := local.Add(-offset)
		_, end := zoned.ZoneBounds()
		if end.IsZero() || at.Before(end) {
			return at
		}
		if c.ticksAt(end) {
			return end.UTC()
		}
		after = end
	}
}

// ticksAt reports whether the fields name the local time at an instant.
func (c *Cron) ticksAt(at time.Time) bool {
	local := c.local(at)
	return c.fields.Next(local.Add(-time.Second)).Equal(local)
}
