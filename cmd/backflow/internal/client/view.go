package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// runView is what is shown of a run. Lists leave out what is in it.
type runView struct {
	ID         string          `json:"id"`
	Workflow   string          `json:"workflow"`
	Status     string          `json:"status"`
	Input      json.RawMessage `json:"input"`
	Output     json.RawMessage `json:"output"`
	Error      *problemView    `json:"error"`
	CreatedAt  string          `json:"createdAt"`
	FinishedAt string          `json:"finishedAt"`
	waitView
	Steps []stepView `json:"steps"`
}

// stepView is what is shown of a step.
type stepView struct {
	Path   string          `json:"path"`
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
	Error  *problemView    `json:"error"`
	// ResultURL and ResultBytes stand for a result that is too large to be shown.
	ResultURL   string `json:"resultUrl"`
	ResultBytes int64  `json:"resultBytes"`
	waitView
}

// attemptView counts the attempts of a step: the one that is under way or was the
// last, and how many there are to be.
type attemptView struct {
	Attempt     int `json:"attempt"`
	Attempts    int `json:"attempts"` // those that were made
	MaxAttempts int `json:"maxAttempts"`
}

// number returns which attempt it is; zero where none was made.
func (a *attemptView) number() int { return cmp.Or(a.Attempt, a.Attempts) }

// String returns "attempt n of m"; "" where none was made.
func (a *attemptView) String() string {
	switch {
	case a.number() == 0:
		return ""
	case a.MaxAttempts == 0:
		return fmt.Sprintf("attempt %d", a.number())
	default:
		return fmt.Sprintf("attempt %d of %d", a.number(), a.MaxAttempts)
	}
}

// count is the attempts as a table has them.
func (a *attemptView) count() string {
	if a.MaxAttempts == 0 {
		return strconv.Itoa(a.number())
	}
	return fmt.Sprintf("%d of %d", a.number(), a.MaxAttempts)
}

// waitView is what a run or a step waits for.
type waitView struct {
	attemptView
	WaitingFor   string     `json:"waitingFor"` // retry, timer, signal, child or decision; "" for nothing
	WaitingUntil *time.Time `json:"waitingUntil"`
	RetryAt      *time.Time `json:"retryAt"`
	Signal       string     `json:"signal"`
	Run          string     `json:"run"`
}

// wait says what is waited for, until when, and at which attempt; "" where nothing
// is waited for.
func (v *waitView) wait() string {
	if v.WaitingFor == "" {
		return ""
	}
	text := map[string]string{
		"retry": "the next attempt", "timer": "a time", "signal": "a signal", "child": "another run",
		"decision": "your decision: whether the last call took effect is not known",
	}[v.WaitingFor]
	text = cmp.Or(text, terminal.Printable(v.WaitingFor))
	if v.Signal != "" {
		text = "the signal " + terminal.Printable(v.Signal)
	}
	if v.Run != "" {
		text = "run " + terminal.Printable(v.Run)
	}
	if until := cmp.Or(v.RetryAt, v.WaitingUntil); until != nil {
		text += ", until " + until.Local().Format(time.DateTime)
	}
	if attempt := v.attemptView.String(); attempt != "" && v.WaitingFor == "retry" {
		text += ", after " + attempt
	}
	return text
}

type problemView struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Step   string `json:"step"`
}

func (v *problemView) String() string { return terminal.Printable(v.Code + ": " + v.Detail) }

// WriteRun writes a run for people.
func WriteRun(w io.Writer, data json.RawMessage) error {
	var v runView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := terminal.NewTable(w)
	row := rowsOf(table)
	row("run", v.ID)
	row("workflow", v.Workflow)
	row("status", v.Status)
	row("waits for", v.wait())
	row("created", v.CreatedAt)
	row("finished", v.FinishedAt)
	row("took", v.duration())
	row("input", terminal.Brief(v.Input))
	if output := terminal.Brief(v.Output); output != "null" {
		row("output", output)
	}
	if v.Error != nil {
		row("error", v.Error.String())
		row("in step", v.Error.Step)
	}
	fmt.Fprintln(table, "\nSTEP\tSTATUS\tATTEMPTS\tRESULT")
	for i := range v.Steps {
		s := &v.Steps[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", terminal.Printable(s.Path), terminal.Printable(s.Status), s.count(), s.outcome())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, r := range v.repairs() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, r)
	}
	return nil
}

// rowsOf returns a function that writes a row of a table, but for one without a value.
func rowsOf(table io.Writer) func(name, value string) {
	return func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, terminal.Printable(value))
		}
	}
}

// toTheSecond returns a time of RFC 3339 without its fraction of a second.
func toTheSecond(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.Format(time.RFC3339)
}

// outcome says what a step waits for, or what came of it.
func (s *stepView) outcome() string {
	var parts []string
	if wait := s.wait(); wait != "" {
		parts = append(parts, "waits for "+wait)
	}
	if s.Error != nil {
		parts = append(parts, s.Error.String())
	} else if result := terminal.Brief(s.Result); result != "" {
		parts = append(parts, result)
	}
	if s.ResultURL != "" {
		parts = append(parts, fmt.Sprintf("%d bytes at %s", s.ResultBytes, terminal.Printable(s.ResultURL)))
	}
	return strings.Join(parts, "; ")
}

// WriteRuns writes a list of runs for people.
func WriteRuns(w io.Writer, runs []json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "RUN\tWORKFLOW\tSTATUS\tCREATED\tTOOK\tERROR")
	for _, data := range runs {
		var v runView
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		var notes []string
		if wait := v.wait(); wait != "" {
			notes = append(notes, "waits for "+wait)
		}
		if v.Error != nil {
			notes = append(notes, v.Error.String())
		}
		for _, cell := range []string{v.ID, v.Workflow, v.Status, toTheSecond(v.CreatedAt), v.duration()} {
			fmt.Fprintf(table, "%s\t", terminal.Printable(cell))
		}
		fmt.Fprintln(table, strings.Join(notes, "; "))
	}
	return table.Flush()
}

// WriteWorkflows writes a list of workflows for people.
func WriteWorkflows(w io.Writer, list json.RawMessage) error {
	var found struct {
		Data []struct {
			ID    string            `json:"id"`
			Name  string            `json:"name"`
			Steps []json.RawMessage `json:"steps"`
		} `json:"data"`
	}
	if err := json.Unmarshal(list, &found); err != nil {
		return err
	}
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "WORKFLOW\tSTEPS\tNAME")
	for _, w := range found.Data {
		fmt.Fprintf(table, "%s\t%d\t%s\n", terminal.Printable(w.ID), len(w.Steps), terminal.Printable(w.Name))
	}
	return table.Flush()
}

// duration returns the time from a run's acceptance to its end; "" while it is
// not known.
func (v *runView) duration() string {
	created, err := time.Parse(time.RFC3339, v.CreatedAt)
	ended, err2 := time.Parse(time.RFC3339, v.FinishedAt)
	if cmp.Or(err, err2) != nil {
		return ""
	}
	return short(ended.Sub(created))
}

// quoted quotes a word for a POSIX shell, if it has to be.
func quoted(word string) string {
	plain := strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,") == ""
	if word != "" && plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
