package workflow

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/core/template"
)

// wait is a step that waits for a time. Exactly one of its fields is set.
type wait struct {
	duration *template.Template
	until    *template.Template
}

var _ behavior = wait{}

func parseWait(p *parser, _ *Step, members map[string]any, at string) behavior {
	w := wait{duration: p.optional(members, at, "duration"), until: p.optional(members, at, "until")}
	if (w.duration == nil) == (w.until == nil) {
		p.fault(at, "", "wait needs either duration or until")
	}
	return w
}

func (w wait) parts(*Step) []part {
	return append(templatePart("duration", w.duration), templatePart("until", w.until)...)
}

func (wait) begins() EventType { return EventWaiting }

func (w wait) begin(at *scope, now time.Time) (Event, string, error) {
	if w.until != nil {
		until, err := w.time(at)
		return Event{RetryAt: until}, "until", err
	}
	d, err := w.length(at)
	return Event{RetryAt: now.Add(d)}, "duration", err
}

func (w wait) time(at *scope) (time.Time, error) {
	text, err := at.text(w.until)
	if err != nil {
		return time.Time{}, err
	}
	until, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time of RFC 3339, such as 2026-01-31T12:00:00Z", text)
	}
	return until.UTC(), nil
}

func (w wait) length(at *scope) (time.Duration, error) {
	text, err := at.text(w.duration)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 90s or 24h", text)
	}
	return d, nil
}

func (wait) outline(*Step) Outline { return Outline{Shape: ShapeWait} }
