package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

func (p *program) runsCommand() *cobra.Command {
	return group("runs", "Runs of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)",
		p.runsListCommand(),
		p.runsShowCommand(),
		p.runsWatchCommand(),
		p.runsChangeCommand("cancel", "Cancel a run: what it did is undone where the workflow says how"),
		p.runsChangeCommand("retry", "Let a failed run go on from the step that failed"),
		p.runsSignalCommand(),
	)
}

// runsPage is the most runs in one response of a gateway.
const runsPage = 200

func (p *program) runsListCommand() *cobra.Command {
	var format, id, status, since, cursor string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the newest first",
		Example: `  backflow runs list --workflow process-order --status failed --since 24h
  backflow runs list --since 2026-01-31T12:00:00Z --format json`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if limit < 1 {
				return fmt.Errorf("--limit must be at least 1, not %d", limit)
			}
			var err error
			if since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
			return checkFormat(format)
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range map[string]string{"workflow": id, "status": status, "since": since} {
				if value != "" {
					query.Set(name, value)
				}
			}
			found := runList{Data: []json.RawMessage{}, NextCursor: &cursor}
			// A page may be short although more follow.
			for len(found.Data) < limit && found.NextCursor != nil {
				if *found.NextCursor != "" {
					query.Set("cursor", *found.NextCursor)
				}
				query.Set("limit", strconv.Itoa(min(limit-len(found.Data), runsPage)))
				var page runList
				if err := c.Get(cmd.Context(), "/runs?"+query.Encode(), &page); err != nil {
					return err
				}
				found.Data, found.NextCursor = append(found.Data, page.Data...), page.NextCursor
			}
			if format == "json" {
				data, err := json.Marshal(found)
				if err != nil {
					return err
				}
				return terminal.WriteJSON(p.stdout, data)
			}
			if err := client.WriteRuns(p.stdout, found.Data); err != nil {
				return err
			}
			if found.NextCursor != nil {
				fmt.Fprintf(p.stderr, "there may be more: --cursor %s\n", *found.NextCursor)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&id, "workflow", "", "only runs of this workflow")
	cmd.Flags().StringVar(&status, "status", "", "only runs with this status: queued, running, waiting, compensating, succeeded, failed or cancelled")
	cmd.Flags().StringVar(&since, "since", "", "only runs accepted since then: a time of RFC 3339, or so long ago, such as 24h")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "where an earlier list ended")
	formatFlag(cmd, &format)
	return cmd
}

// runList is a page of runs.
type runList struct {
	Data       []json.RawMessage `json:"data"`
	NextCursor *string           `json:"nextCursor"`
}

// sinceTime reads --since: a time, or how long ago it was.
func sinceTime(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UTC().Format(time.RFC3339), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "", fmt.Errorf("--since is a time such as 2026-01-31T12:00:00Z or a duration such as 24h, not %q", text)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

func (p *program) runsShowCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a run with its steps",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return checkFormat(format) },
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var shown json.RawMessage
			if err := c.Get(cmd.Context(), "/runs/"+url.PathEscape(args[0]), &shown); err != nil {
				return err
			}
			if format == "json" {
				return terminal.WriteJSON(p.stdout, shown)
			}
			return client.WriteRun(p.stdout, shown)
		}),
	}
	formatFlag(cmd, &format)
	return cmd
}

func (p *program) runsWatchCommand() *cobra.Command {
	return &cobra.Command{
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
			show := p.progress()
			ended, err := c.Follow(cmd.Context(), args[0], show.Event)
			if err != nil {
				return err
			}
			return show.Outcome(ended)
		}),
	}
}

// runsChangeCommand is a command that asks something of a run by its id alone.
func (p *program) runsChangeCommand(what, short string) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   what + " ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.change(cmd, args[0], what, nil, wait)
		}),
	}
	waitFlag(cmd, &wait)
	return cmd
}

func (p *program) runsSignalCommand() *cobra.Command {
	var body string
	var data []byte
	var wait bool
	cmd := &cobra.Command{
		Use:     "signal ID NAME [--body JSON|@FILE]",
		Short:   "Send a signal to a run, for the step waitForEvent that waits for it",
		Example: `  backflow runs signal 01a20000-0000-7000-8000-000000000000 approval --body '{"approved":true}'`,
		Args:    cobra.ExactArgs(2),
		PreRunE: func(*cobra.Command, []string) (err error) {
			data, err = readJSON("--body", body)
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.change(cmd, args[0], "signals/"+url.PathEscape(args[1]), data, wait)
		}),
	}
	cmd.Flags().StringVar(&body, "body", "null", "what the signal says: JSON, or @FILE")
	waitFlag(cmd, &wait)
	return cmd
}

// change asks something of a run and, if asked to, watches it to its end.
func (p *program) change(cmd *cobra.Command, id, what string, body []byte, wait bool) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var changed json.RawMessage
	if err := c.Change(cmd.Context(), "/runs/"+url.PathEscape(id)+"/"+what, rand.Text(), body, &changed); err != nil {
		return err
	}
	show := p.progress()
	if !wait {
		return show.Accepted(changed)
	}
	ended, err := c.Follow(cmd.Context(), id, show.Event)
	if err != nil {
		return err
	}
	return show.Outcome(ended)
}

func waitFlag(cmd *cobra.Command, wait *bool) {
	cmd.Flags().BoolVar(wait, "wait", false, "show what happens until the run has ended; exit 1 if it failed or was cancelled")
}

func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "text, or json as the gateway answers it")
}

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("--format is text or json, not %q", format)
	}
	return nil
}
