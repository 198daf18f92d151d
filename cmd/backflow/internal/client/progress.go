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

// Progress shows what happens in a run while it happens. For people each change of
// a step is a line, as wide as the terminal at most, and the run at its end some
// text. For programs each event is a line of JSON or a document of YAML, and the
// run is the last one.
type Progress struct {
	W io.Writer
	// Messages is where the loss of the connection is written, and that it is made
	// again; nil is nowhere.
	Messages io.Writer
	// Interactive says that people read W, Color that it shows colours, YAML that
	// programs want that.
	Interactive, Color, YAML bool
	// Wanted is the status that the run is to end with; empty is succeeded.
	Wanted workflow.RunStatus

	began   map[string]time.Time // when each step began, by its path
	notDone []string             // the paths of the steps that could not be undone
	away    bool                 // it was told that the connection is lost
}

// runEvent is an event of a run in its stream.
type runEvent struct {
	Type   workflow.EventType `json:"type"`
	Path   string             `json:"path"`
	At     time.Time          `json:"at"`
	Result json.RawMessage    `json:"result"`
	Error  *problemView       `json:"error"`
	attemptView
	// What a step waits for: a signal, the end of a run, a time.
	Signal       string    `json:"signal"`
	Run          string    `json:"run"`
	RetryAt      time.Time `json:"retryAt"`
	WaitingUntil time.Time `json:"waitingUntil"`
}

// detail returns what is known of an event beside its label. A step that ended took
// so long, if that is known.
func (e *runEvent) detail(took time.Duration) string {
	var parts []string
	attempt := e.attemptView.String()
	switch e.Type {
	case workflow.EventAttemptFailed:
	case workflow.EventScheduled, workflow.EventRetried:
		if e.number() < 2 {
			attempt = "" // the first of many says nothing
		}
	default:
		attempt = ""
	}
	if attempt != "" {
		parts = append(parts, attempt)
	}
	if took > 0 {
		parts = append(parts, "after "+short(took))
	}
	if e.Error != nil {
		parts = append(parts, e.Error.String())
	}
	if e.Type == workflow.EventUndecided {
		parts = append(parts, "it may have taken effect: `backflow runs retry` finds out, `backflow runs cancel` undoes")
	}
	if e.Signal != "" {
		parts = append(parts, "for the signal "+terminal.Printable(e.Signal))
	}
	if e.Run != "" {
		parts = append(parts, "for run "+terminal.Printable(e.Run))
	}
	if until := cmp.Or(e.RetryAt, e.WaitingUntil); !until.IsZero() {
		parts = append(parts, "until "+until.Local().Format(time.DateTime))
	}
	if result := terminal.Brief(e.Result); result != "" {
		parts = append(parts, result)
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
	if e.Type == workflow.EventUndecided {
		return "undecided"
	}
	if !ofStep || e.Path == "" {
		return ""
	}
	return cmp.Or(eventLabels[e.Type], string(status))
}

var labelColors = map[string]terminal.Color{
	"succeeded": terminal.Green, "compensated": terminal.Green,
	"failed": terminal.Red, "not undone": terminal.Red, "timed out": terminal.Red,
	"retrying": terminal.Yellow, "undecided": terminal.Yellow, "undoing": terminal.Yellow, "cancelled": terminal.Yellow,
	"skipped": terminal.Faint, "waiting": terminal.Faint, "running": terminal.Faint,
}

// Event shows one event.
func (s *Progress) Event(data json.RawMessage) error {
	var e runEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("an event of the run: %w", err)
	}
	took := s.note(&e)
	if !s.Interactive {
		return s.document(data)
	}
	if label := e.label(); label != "" {
		return s.line(label, terminal.Printable(e.Path), e.detail(took))
	}
	return nil
}

// note remembers when steps begin, and returns how long one took that has ended;
// zero where that is not known.
func (s *Progress) note(e *runEvent) (took time.Duration) {
	if e.Type == workflow.EventCompensationFailed {
		s.notDone = append(s.notDone, e.Path)
	}
	status, ofStep := e.Type.StepStatus()
	if !ofStep || e.At.IsZero() {
		return 0
	}
	began, running := s.began[e.Path]
	switch ended := status.Ended(); {
	case ended && running:
		delete(s.began, e.Path)
		return e.At.Sub(began)
	case !ended && !running:
		if s.began == nil {
			s.began = make(map[string]time.Time)
		}
		s.began[e.Path] = e.At
	}
	return 0
}

// Where a terminal has fewer columns than roomy, labels are not aligned: what
// happened matters more.
const (
	roomy      = 60
	labelWidth = 11
)

// line writes a change of a step, cut to what the terminal has room for now.
func (s *Progress) line(label, path, detail string) error {
	columns := terminal.Width(s.W)
	lead, padded, gap := "  ", fmt.Sprintf("%-*s", labelWidth, label), "  "
	if columns > 0 && columns < roomy {
		lead, padded, gap = "", label, " "
	}
	rest := gap + path
	if detail != "" {
		rest += gap + detail
	}
	if columns > 0 {
		rest = terminal.Fit(rest, columns-terminal.Columns(lead+padded))
	}
	if _, err := io.WriteString(s.W, lead); err != nil {
		return err
	}
	if err := s.paint(label, padded); err != nil {
		return err
	}
	_, err := io.WriteString(s.W, rest+"\n")
	return err
}

// document writes an event or a run for programs.
func (s *Progress) document(data json.RawMessage) error {
	if !s.YAML {
		return terminal.WriteLine(s.W, data)
	}
	if _, err := io.WriteString(s.W, "---\n"); err != nil {
		return err
	}
	return terminal.WriteYAML(s.W, data)
}

// Away tells that the gateway cannot be reached, and that it is tried again.
func (s *Progress) Away(err error) {
	if !s.away {
		s.message("reconnecting: " + err.Error())
	}
	s.away = true
}

// Back tells that the gateway has responded, if it was away.
func (s *Progress) Back() {
	if s.away {
		s.message("connected again")
	}
	s.away = false
}

func (s *Progress) message(text string) {
	if s.Messages != nil {
		fmt.Fprintln(s.Messages, terminal.Wrap(terminal.Printable(text), terminal.Width(s.Messages), "  "))
	}
}

// Started shows a run that was accepted; to programs its first event does.
func (s *Progress) Started(run json.RawMessage) error {
	if !s.Interactive {
		return nil
	}
	return s.Accepted(run)
}

// Accepted shows a run that the gateway works on without the client.
func (s *Progress) Accepted(run json.RawMessage) error {
	if !s.Interactive {
		return s.document(run)
	}
	var v runView
	if err := json.Unmarshal(run, &v); err != nil {
		return err
	}
	return s.text(fmt.Sprintf("run %s of %s is %s", v.ID, v.Workflow, v.Status))
}

// text writes a sentence, broken where the terminal ends.
func (s *Progress) text(text string) error {
	_, err := fmt.Fprintln(s.W, terminal.Wrap(terminal.Printable(text), terminal.Width(s.W), "  "))
	return err
}

// Outcome shows a run at its end. A run that did not end as wanted is an error, with
// what can be done about it.
func (s *Progress) Outcome(run json.RawMessage) error {
	if err := s.ended(run); err != nil {
		return err
	}
	var v runView
	if err := json.Unmarshal(run, &v); err != nil {
		return err
	}
	status, text := workflow.RunStatus(v.Status), ""
	switch wanted := cmp.Or(s.Wanted, workflow.RunSucceeded); {
	case status == wanted && len(s.notDone) == 0, status == wanted && wanted == workflow.RunSucceeded:
		return nil
	case status == workflow.RunCancelled && len(s.notDone) > 0:
		text = "the run was cancelled, but not everything was undone: " + strings.Join(s.notDone, ", ")
	case status == workflow.RunCancelled:
		text = "the run was cancelled"
	default:
		text = "the run " + v.Status
	}
	for _, r := range v.repairs() {
		text += "\n  " + r.String()
	}
	return errors.New(text)
}

// ended shows the run at its end.
func (s *Progress) ended(run json.RawMessage) error {
	if !s.Interactive {
		return s.document(run)
	}
	var v runView
	if err := json.Unmarshal(run, &v); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.W, "run %s ", v.ID); err != nil {
		return err
	}
	if err := s.paint(v.Status, v.Status); err != nil {
		return err
	}
	line := ""
	if duration := v.duration(); duration != "" {
		line += " after " + duration
	}
	if v.Error != nil {
		line += ": " + v.Error.String()
	}
	line = terminal.WrapAfter(terminal.Columns("run "+v.ID+" "+v.Status), line, terminal.Width(s.W), "  ")
	if output := terminal.Brief(v.Output); output != "" && output != "null" {
		line += "\n" + terminal.Fit(output, terminal.Width(s.W))
	}
	_, err := fmt.Fprintln(s.W, line)
	return err
}

// paint writes text in the colour of a label.
func (s *Progress) paint(label, text string) error {
	color := labelColors[label]
	if !s.Color {
		color = ""
	}
	return terminal.Paint(s.W, color, text)
}

// short writes a duration as precisely as people read it.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
