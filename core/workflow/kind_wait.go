package workflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
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
	if !p.stored {
		p.literalWait(members, at)
	}
	return w
}

// literalWait finds lengths and times that are none whatever the data are.
func (p *parser) literalWait(members map[string]any, at string) {
	for key, read := range map[string]func(string) error{
		"duration": func(text string) error { _, err := parseLength(text); return err },
		"until":    func(text string) error { _, err := parseTime(text); return err },
	} {
		v, given := members[key]
		text, isText := v.(string)
		if n, ok := v.(json.Number); ok {
			text, isText = n.String(), true
		}
		switch {
		case !given || strings.Contains(text, "{{"):
		case !isText:
			p.fault(at+"/"+key, "", "%s must be a string, not %s", key, value.KindOf(v))
		default:
			if err := read(text); err != nil {
				p.fault(at+"/"+key, "", "%s: %v", key, err)
			}
		}
	}
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
	return parseTime(text)
}

func parseTime(text string) (time.Time, error) {
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
	return parseLength(text)
}

func parseLength(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 90s or 24h", text)
	}
	return d, nil
}

func (wait) outline(*Step) Outline { return Outline{Shape: ShapeWait} }
