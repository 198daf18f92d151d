package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (p *program) runsCommand() *cobra.Command {
	var format string
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show a run with its steps",
		Args:  cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("--format is text or json, not %q", format)
			}
			return nil
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var shown json.RawMessage
			if err := c.do(cmd.Context(), http.MethodGet, "/runs/"+url.PathEscape(args[0]), nil, nil, 0, &shown); err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(p.stdout, shown)
			}
			return writeRun(p.stdout, shown)
		}),
	}
	show.Flags().StringVar(&format, "format", "text", "text, or json as the gateway answers it")
	return group("runs", "Runs of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)", show)
}

// runView is a run as the gateway answers it, as far as it is shown.
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

func (v *problemView) String() string { return v.Code + ": " + v.Detail }

// writeRun writes a run for people.
func writeRun(w io.Writer, data json.RawMessage) error {
	var v runView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "run\t%s\nworkflow\t%s\nstatus\t%s\ncreated\t%s\n", v.ID, v.Workflow, v.Status, v.CreatedAt)
	if v.FinishedAt != "" {
		fmt.Fprintf(table, "finished\t%s\n", v.FinishedAt)
	}
	if v.Input != nil {
		fmt.Fprintf(table, "input\t%s\n", brief(v.Input))
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

// brief is JSON on one line, cut where it is long.
func brief(data json.RawMessage) string {
	const most = 100
	var line bytes.Buffer
	if json.Compact(&line, data) != nil {
		return ""
	}
	if runes := []rune(line.String()); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return line.String()
}

func writeJSON(w io.Writer, data json.RawMessage) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, pretty.String())
	return err
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
