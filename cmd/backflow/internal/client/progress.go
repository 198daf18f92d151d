package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/workflow"
)

// Progress shows what happens in a run while it happens. On a terminal each
// change of a step is a line, and the run at its end a table. Elsewhere each
// event is a line of JSON, and the run is the last one.
type Progress struct {
	W io.Writer
	// Interactive says that W is a terminal, Color that it shows colours.
	Interactive, Color bool
}

// runEvent is an event of a run in its stream.
type runEvent struct {
	Type   workflow.EventType `json:"type"`
	Path   string             `json:"path"`
	Result json.RawMessage    `json:"result"`
	Error  *problemView       `json:"error"`
	// What a step waits for: a signal, the end of a run, a time.
	Signal  string    `json:"signal"`
	Run     string    `json:"run"`
	RetryAt time.Time `json:"retryAt"`
}

// detail returns what is known of an event beside its label.
func (e *runEvent) detail() string {
	var parts []string
	if e.Error != nil {
		parts = append(parts, e.Error.String())
	}
	if result := terminal.Brief(e.Result); result != "" {
		parts = append(parts, result)
	}
	if e.Signal != "" {
		parts = append(parts, "for the signal "+terminal.Printable(e.Signal))
	}
	if e.Run != "" {
		parts = append(parts, "for run "+e.Run)
	}
	if !e.RetryAt.IsZero() {
		parts = append(parts, "until "+e.RetryAt.Local().Format(time.DateTime))
	}
	return strings.Join(parts, ", ")
}

// eventLabels name the events of a step whose status says too little.
var eventLabels = map[workflow.EventType]string{
	workflow.EventAttemptFailed:      "retrying",
	workflow.EventExpired:            "timed out",
	workflow.EventCompensating:       "undoing",
	workflow.EventCompensationFailed: "not undone",
}

// label returns what happened to the step; "" if the event is about none.
func (e *runEvent) label() string {
	status, ofStep := e.Type.StepStatus()
	if !ofStep || e.Path == "" {
		return ""
	}
	return cmp.Or(eventLabels[e.Type], string(status))
}

// Colours of a terminal (ECMA-48, select graphic rendition).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	normal = "\x1b[0m"
)

var labelColors = map[string]string{
	"succeeded": green, "compensated": green,
	"failed": red, "not undone": red, "timed out": red,
	"retrying": yellow, "undoing": yellow, "cancelled": yellow,
	"skipped": faint, "waiting": faint, "running": faint,
}

// Event shows one event.
func (s *Progress) Event(data json.RawMessage) error {
	if !s.Interactive {
		return terminal.WriteLine(s.W, data)
	}
	var e runEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("an event of the run: %w", err)
	}
	label := e.label()
	if label == "" {
		return nil
	}
	line := "  " + s.paint(label, fmt.Sprintf("%-11s", label)) + "  " + e.Path
	if detail := e.detail(); detail != "" {
		line += "  " + detail
	}
	_, err := fmt.Fprintln(s.W, line)
	return err
}

// Started shows a run that was accepted; in a pipe its first event does.
func (s *Progress) Started(run json.RawMessage) error {
	if !s.Interactive {
		return nil
	}
	return s.Accepted(run)
}

// Accepted shows a run that the gateway works on without the client.
func (s *Progress) Accepted(run json.RawMessage) error {
	if !s.Interactive {
		return terminal.WriteLine(s.W, run)
	}
	var v runView
	if err := json.Unmarshal(run, &v); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.W, "run %s of %s is %s\n", v.ID, v.Workflow, v.Status)
	return err
}

// Outcome shows a run at its end. A run that did not succeed is an error.
func (s *Progress) Outcome(run json.RawMessage) error {
	if err := s.ended(run); err != nil {
		return err
	}
	switch status := statusOf(run); status {
	case workflow.RunSucceeded:
		return nil
	case workflow.RunCancelled:
		return errors.New("the run was cancelled")
	default:
		return fmt.Errorf("the run %s", status)
	}
}

// ended shows the run at its end.
func (s *Progress) ended(run json.RawMessage) error {
	if !s.Interactive {
		return terminal.WriteLine(s.W, run)
	}
	var v runView
	if err := json.Unmarshal(run, &v); err != nil {
		return err
	}
	line := "run " + v.ID + " " + s.paint(v.Status, v.Status)
	if duration := v.duration(); duration != "" {
		line += " after " + duration
	}
	if v.Error != nil {
		line += ": " + v.Error.String()
	}
	if output := terminal.Brief(v.Output); output != "" && output != "null" {
		line += "\n" + output
	}
	_, err := fmt.Fprintln(s.W, line)
	return err
}

// paint gives text the colour of a label.
func (s *Progress) paint(label, text string) string {
	color := labelColors[label]
	if !s.Color || color == "" {
		return text
	}
	return color + text + normal
}

// duration returns the time from a run's acceptance to its end; "" while it is
// not known.
func (v *runView) duration() string {
	created, err := time.Parse(time.RFC3339, v.CreatedAt)
	ended, err2 := time.Parse(time.RFC3339, v.FinishedAt)
	if cmp.Or(err, err2) != nil {
		return ""
	}
	return ended.Sub(created).Round(time.Millisecond).String()
}
