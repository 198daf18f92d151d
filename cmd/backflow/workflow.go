package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

func (p *program) workflowCommand() *cobra.Command {
	return group("workflow", "Workflows of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)",
		p.workflowListCommand(),
		p.workflowRunCommand(),
		p.workflowGraphCommand(),
	)
}

func (p *program) workflowListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the workflows",
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return checkFormat(format) },
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var response json.RawMessage
			if err := c.Get(cmd.Context(), "/workflows", &response); err != nil {
				return err
			}
			if format == "json" {
				return terminal.WriteJSON(p.stdout, response)
			}
			var found struct {
				Data []struct {
					ID    string            `json:"id"`
					Name  string            `json:"name"`
					Steps []json.RawMessage `json:"steps"`
				} `json:"data"`
			}
			if err := json.Unmarshal(response, &found); err != nil {
				return err
			}
			table := terminal.NewTable(p.stdout)
			fmt.Fprintln(table, "WORKFLOW\tSTEPS\tNAME")
			for _, w := range found.Data {
				fmt.Fprintf(table, "%s\t%d\t%s\n", w.ID, len(w.Steps), terminal.Printable(w.Name))
			}
			return table.Flush()
		}),
	}
	formatFlag(cmd, &format)
	return cmd
}

func (p *program) workflowRunCommand() *cobra.Command {
	var input string
	var body []byte
	var wait bool
	cmd := &cobra.Command{
		Use:   "run ID --input JSON|@FILE [--wait]",
		Short: "Start a run of a workflow",
		Long: `Start a run of a workflow. With --wait it shows what happens until the run has
ended: a line for each change of a step in a terminal, else each event as a line
of JSON and the run as the last one.`,
		Example: `  backflow workflow run process-order --input '{"email":"customer@example.com","name":"John Doe","amount":2000}' --wait
  backflow workflow run process-order --input @order.json`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) (err error) {
			body, err = readJSON("--input", input)
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			return p.startRun(cmd.Context(), c, "/workflows/"+url.PathEscape(args[0])+"/runs", body, wait)
		}),
	}
	cmd.Flags().StringVar(&input, "input", "{}", "the input: JSON, or @FILE")
	waitFlag(cmd, &wait)
	return cmd
}

// startRun starts a run and, if asked to, shows it to its end. The key keeps a
// request whose response was lost from starting a second run.
func (p *program) startRun(ctx context.Context, c *client.Client, path string, input []byte, wait bool) error {
	key := rand.Text()
	var started json.RawMessage
	if err := c.Change(ctx, path, key, input, &started); err != nil {
		return err
	}
	show := p.progress()
	if !wait {
		return show.Accepted(started)
	}
	if err := show.Started(started); err != nil {
		return err
	}
	var accepted struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(started, &accepted); err != nil {
		return err
	}
	ended, err := c.Follow(ctx, accepted.ID, show.Event)
	if refused, ok := errors.AsType[*client.Problem](err); ok && refused.Status == http.StatusForbidden {
		ended, err = c.Await(ctx, path, key, input) // a token that may run a workflow may not see runs
	}
	if err != nil {
		return err
	}
	return show.Outcome(ended)
}
