package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/workflow"
)

func (p *program) runsCommand() *cobra.Command {
	return group("runs", "Runs of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)",
		p.runsListCommand(),
		p.runsShowCommand(),
		p.runsWatchCommand(),
		p.runsChangeCommand(bulk.ActionCancel, "Cancel a run, or many: what they did is undone where the workflow says how", workflow.RunCancelled,
			p.runIDs(workflow.RunQueued, workflow.RunRunning, workflow.RunWaiting)),
		p.runsChangeCommand(bulk.ActionRetry, "Let a failed run, or many, go on from the step that failed", workflow.RunSucceeded,
			p.runIDs(workflow.RunFailed, workflow.RunWaiting)),
		p.runsChangeCommand(bulk.ActionRerun, "Run again what has ended, one run or many: the same input, the present definition", workflow.RunSucceeded,
			p.runIDs(workflow.RunSucceeded, workflow.RunFailed, workflow.RunCancelled)),
		p.runsSignalCommand(),
	)
}

func (p *program) runsListCommand() *cobra.Command {
	var id, status, since string
	var l listing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the newest first",
		Example: `  backflow runs list --workflow process-order --status failed --since 24h
  backflow runs list --since 2026-01-31T12:00:00Z -o json`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) (err error) {
			if since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
			return l.check()
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.list(cmd, &l, "/runs", given(map[string]string{"workflow": id, "status": status, "since": since}), client.WriteRuns)
		}),
	}
	cmd.Flags().StringVar(&id, "workflow", "", "only runs of this workflow")
	cmd.Flags().StringVar(&status, "status", "", "only runs with this status: queued, running, waiting, compensating, succeeded, failed or cancelled")
	cmd.Flags().StringVar(&since, "since", "", "only runs accepted since then: a time of RFC 3339, or so long ago, such as 24h, 3d or 2w")
	l.flags(cmd)
	completeFlag(cmd, "workflow", p.workflowIDs)
	completeFlag(cmd, "status", fixed(statuses()...))
	completeFlag(cmd, "since", fixed("1h", "24h", "3d", "1w"))
	return cmd
}

func (p *program) runsShowCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a run with its steps",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.show(cmd, &out, "/runs/"+url.PathEscape(args[0]), client.WriteRun)
		}),
	}
	out.flag(cmd, formTable)
	complete(cmd, p.runIDs())
	return cmd
}

func (p *program) runsWatchCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "watch ID",
		Short: "Show what happens in a run, from its beginning until it ends",
		Long: `Show what happens in a run, from its beginning until it ends: a line for each
change of a step in a terminal, else each event as a line of JSON and the run as
the last one. Exit code 1 if the run failed or was cancelled.`,
		Args: cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			show := p.progress(&out)
			ended, err := c.Follow(cmd.Context(), args[0], show)
			if err != nil {
				return err
			}
			return show.Outcome(ended)
		}),
	}
	out.flag(cmd, formAuto)
	complete(cmd, p.runIDs())
	return cmd
}

// change is what the commands have in common that ask something of a run.
type change struct {
	wait bool
	out  output
	// wanted is the status that the run is to end with.
	wanted workflow.RunStatus
}

// runsChangeCommand is a command that changes one run, by its id, or many, by flags
// that select them.
func (p *program) runsChangeCommand(action bulk.Action, short string, wanted workflow.RunStatus, runs completer) *cobra.Command {
	c := change{wanted: wanted}
	var many selection
	var now, latest bool
	what := string(action)
	cmd := &cobra.Command{
		Use:   what + " [ID]",
		Short: short,
		Long: short + `.

With --workflow, --status, --since, --until or --error in place of an ID it is done
to every run that all of them select. First these runs are shown and counted, and it
is asked whether to go on; then exactly these are changed, one after the other, by
the gateway. Ctrl-C leaves it at work: ` + "`backflow bulk watch`" + ` shows it again. --yes
does not ask, --dry-run does nothing else than show. Exit code 1 if a run could not
be changed; where nobody can be asked and neither flag is given, 2.`,
		Example: "  backflow runs " + what + " 01a20000-0000-7000-8000-000000000000\n" +
			"  backflow runs " + what + " --workflow process-order --since 3d",
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			if (now || latest) && len(args) == 0 {
				return errors.New("--now and --latest are for one run, by its ID")
			}
			return many.check(p, args, time.Now())
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.changeMany(cmd, action, &many, &c.out)
			}
			body, err := retryBody(now, latest)
			if err != nil {
				return err
			}
			return p.change(cmd, args[0], what, body, &c)
		}),
	}
	c.flags(cmd)
	many.flags(cmd)
	if action == bulk.ActionRetry {
		cmd.Flags().BoolVar(&now, "now", false, "a run that waits for another attempt makes it now")
		cmd.Flags().BoolVar(&latest, "latest", false, "a failed run goes on by the present definition, where what is done is the same in it")
		cmd.MarkFlagsMutuallyExclusive("now", "latest")
	}
	complete(cmd, runs)
	return cmd
}

// retryBody is the body of a retry; nil where it asks for nothing special.
func retryBody(now, latest bool) ([]byte, error) {
	switch {
	case now:
		return json.Marshal(map[string]bool{"now": true})
	case latest:
		return json.Marshal(map[string]bool{"latest": true})
	default:
		return nil, nil
	}
}

func (p *program) runsSignalCommand() *cobra.Command {
	var body string
	var data []byte
	c := change{wanted: workflow.RunSucceeded}
	cmd := &cobra.Command{
		Use:     "signal ID NAME [--body JSON|@FILE|@-]",
		Short:   "Send a signal to a run, for the step waitForEvent that waits for it",
		Example: `  backflow runs signal 01a20000-0000-7000-8000-000000000000 approval --body '{"approved":true}'`,
		Args:    cobra.ExactArgs(2),
		PreRunE: func(*cobra.Command, []string) (err error) {
			data, err = p.readJSON("--body", body)
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.change(cmd, args[0], "signals/"+url.PathEscape(args[1]), data, &c)
		}),
	}
	cmd.Flags().StringVar(&body, "body", "null", "what the signal says: JSON, @FILE, or @- for standard input")
	c.flags(cmd)
	complete(cmd, p.runIDs(workflow.RunWaiting, workflow.RunRunning, workflow.RunQueued), p.signals)
	return cmd
}

func (c *change) flags(cmd *cobra.Command) {
	waitFlag(cmd, &c.wait, c.wanted)
	c.out.flag(cmd, formAuto)
}

// change asks something of a run and, if asked to, watches it to its end.
func (p *program) change(cmd *cobra.Command, id, what string, body []byte, asked *change) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var changed json.RawMessage
	if err := c.Change(cmd.Context(), "/runs/"+url.PathEscape(id)+"/"+what, rand.Text(), body, &changed); err != nil {
		return err
	}
	show := p.progress(&asked.out)
	show.Wanted = asked.wanted
	if !asked.wait {
		return show.Accepted(changed)
	}
	var run struct{ ID string }
	if err := json.Unmarshal(changed, &run); err != nil {
		return err
	}
	ended, err := c.Follow(cmd.Context(), run.ID, show) // of a rerun it is the new one
	if err != nil {
		return err
	}
	return show.Outcome(ended)
}

// waitFlag adds --wait to a command after which a run should end with a status.
func waitFlag(cmd *cobra.Command, wait *bool, wanted workflow.RunStatus) {
	cmd.Flags().BoolVar(wait, "wait", false, fmt.Sprintf("show what happens until the run has ended; exit 1 if it has not %s", ended(wanted)))
}

// ended says how a run ended, as a part of a sentence.
func ended(status workflow.RunStatus) string {
	if status == workflow.RunCancelled {
		return "been cancelled"
	}
	return string(status)
}
