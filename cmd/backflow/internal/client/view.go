package client

import (
	"encoding/json"
	"fmt"
	"io"
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

func (v *problemView) String() string { return terminal.Printable(v.Code + ": " + v.Detail) }

// WriteRun writes a run for people.
func WriteRun(w io.Writer, data json.RawMessage) error {
	var v runView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := terminal.NewTable(w)
	fmt.Fprintf(table, "run\t%s\nworkflow\t%s\nstatus\t%s\ncreated\t%s\n", v.ID, v.Workflow, v.Status, v.CreatedAt)
	if v.FinishedAt != "" {
		fmt.Fprintf(table, "finished\t%s\n", v.FinishedAt)
	}
	if v.Input != nil {
		fmt.Fprintf(table, "input\t%s\n", terminal.Brief(v.Input))
	}
	if output := terminal.Brief(v.Output); output != "" && output != "null" {
		fmt.Fprintf(table, "output\t%s\n", output)
	}
	if v.Error != nil {
		fmt.Fprintf(table, "error\t%s\n", v.Error)
	}
	fmt.Fprintln(table, "\nSTEP\tSTATUS\tATTEMPTS\tRESULT")
	for _, s := range v.Steps {
		result := terminal.Brief(s.Result)
		if s.Error != nil {
			result = s.Error.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", s.Path, s.Status, s.Attempts, result)
	}
	return table.Flush()
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
		failure := ""
		if v.Error != nil {
			failure = v.Error.String()
		}
		created := v.CreatedAt
		if at, err := time.Parse(time.RFC3339, created); err == nil {
			created = at.Format(time.RFC3339) // to the second
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Workflow, v.Status, created, v.duration(), failure)
	}
	return table.Flush()
}
