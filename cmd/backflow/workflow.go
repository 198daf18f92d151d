package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/core/workflow"
)

func (p *program) workflowCommand() *cobra.Command {
	return group("workflow", "Workflows of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)",
		p.workflowListCommand(),
		p.workflowRunCommand(),
		p.workflowGraphCommand(),
	)
}

func (p *program) workflowListCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the workflows",
		Args:  cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var response json.RawMessage
			if err := c.Get(cmd.Context(), "/workflows", &response); err != nil {
				return err
			}
			return out.write(p.stdout, response, func(w io.Writer) error { return client.WriteWorkflows(w, response) })
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

func (p *program) workflowRunCommand() *cobra.Command {
	var input string
	var body []byte
	var wait bool
	var out output
	cmd := &cobra.Command{
		Use:   "run ID --input JSON|@FILE|@- [--wait]",
		Short: "Start a run of a workflow",
		Long: `Start a run of a workflow. With --wait it shows what happens until the run has
ended: a line for each change of a step in a terminal, else each event as a line
of JSON and the run as the last one.`,
		Example: `  backflow workflow run process-order --input '{"email":"customer@example.com","name":"John Doe","amount":2000}' --wait
  backflow workflow run process-order --input @order.json
  jq .order cart.json | backflow workflow run process-order --input @-`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) (err error) {
			body, err = p.readJSON("--input", input)
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			return p.startRun(cmd.Context(), c, "/workflows/"+url.PathEscape(args[0])+"/runs", body, wait, p.progress(&out))
		}),
	}
	cmd.Flags().StringVar(&input, "input", "{}", "the input: JSON, @FILE, or @- for standard input")
	out.flag(cmd, formAuto)
	complete(cmd, p.workflowIDs)
	waitFlag(cmd, &wait, workflow.RunSucceeded)
	return cmd
}

// startRun starts a run and, if asked to, shows it to its end. The key keeps a
// request whose response was lost from starting a second run.
func (p *program) startRun(ctx context.Context, c *client.Client, path string, input []byte, wait bool, show *client.Progress) error {
	key := rand.Text()
	var started json.RawMessage
	if err := c.Change(ctx, path, key, input, &started); err != nil {
		return err
	}
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
	ended, err := c.Follow(ctx, accepted.ID, show)
	if refused, ok := errors.AsType[*client.Problem](err); ok && refused.Status == http.StatusForbidden {
		ended, err = c.Await(ctx, path, key, input) // a token that may run a workflow may not see runs
	}
	if err != nil {
		return err
	}
	return show.Outcome(ended)
}
