package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/backflow/backflow/core/excerpt"
)

// runView is a run as the gateway answers it, as far as it is shown. Lists
// leave out what is in it.
type runView struct {
	ID         string          `json:"id"`
	Workflow   string          `json:"workflow"`
	Status     string          `json:"status"`
	Input      json.RawMessage `json:"input"`
	Output     json.RawMessage `json:"output"`
	Error      *problemView    `json:"error"`
	CreatedAt  string          `json:"createdAt"`
	FinishedAt string          `json:"finishedAt"`
	Steps      []struct {
		Path     string          `json:"path"`
		Status   string          `json:"status"`
		Attempts int             `json:"attempts"`
		Result   json.RawMessage `json:"result"`
		Error    *problemView    `json:"error"`
	} `json:"steps"`
}

type problemView struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (v *problemView) String() string { return printable(v.Code + ": " + v.Detail) }

// writeRun writes a run for people.
func writeRun(w io.Writer, data json.RawMessage) error {
	var v runView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := newTable(w)
	fmt.Fprintf(table, "run\t%s\nworkflow\t%s\nstatus\t%s\ncreated\t%s\n", v.ID, v.Workflow, v.Status, v.CreatedAt)
	if v.FinishedAt != "" {
		fmt.Fprintf(table, "finished\t%s\n", v.FinishedAt)
	}
	if v.Input != nil {
		fmt.Fprintf(table, "input\t%s\n", brief(v.Input))
	}
	if output := brief(v.Output); output != "" && output != "null" {
		fmt.Fprintf(table, "output\t%s\n", output)
	}
	if v.Error != nil {
		fmt.Fprintf(table, "error\t%s\n", v.Error)
	}
	fmt.Fprintln(table, "\nSTEP\tSTATUS\tATTEMPTS\tRESULT")
	for _, s := range v.Steps {
		result := brief(s.Result)
		if s.Error != nil {
			result = s.Error.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", s.Path, s.Status, s.Attempts, result)
	}
	return table.Flush()
}

// writeRuns writes a list of runs for people.
func writeRuns(w io.Writer, runs []json.RawMessage) error {
	table := newTable(w)
	fmt.Fprintln(table, "RUN\tWORKFLOW\tSTATUS\tCREATED\tTOOK\tERROR")
	for _, data := range runs {
		var v runView
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		failure := ""
		if v.Error != nil {
			failure = v.Error.String()
		}
		created := v.CreatedAt
		if at, err := time.Parse(time.RFC3339, created); err == nil {
			created = at.Format(time.RFC3339) // to the second
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Workflow, v.Status, created, v.took(), failure)
	}
	return table.Flush()
}

func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

// brief is JSON on one line, cut where it is long.
func brief(data json.RawMessage) string {
	const most = 100
	var line bytes.Buffer
	if json.Compact(&line, data) != nil {
		return ""
	}
	return excerpt.Runes(printable(line.String()), most)
}

// printable is text that moves nothing in a terminal: an answer from outside may
// hold anything.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func writeJSON(w io.Writer, data json.RawMessage) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, pretty.String())
	return err
}

// writeValue writes a value as JSON for people.
func writeValue(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeJSON(w, data)
}

// isTerminal reports whether people read what is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
