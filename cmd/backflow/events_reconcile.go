package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/reconcile"
)

// passPoll is how often a gateway is asked how far a comparison is.
const passPoll = time.Second

func (p *program) eventsReconcileCommand() *cobra.Command {
	var (
		out    output
		since  string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "reconcile WEBHOOK",
		Short: "Compare the events of a webhook with what its vendor lists, and take in what never arrived",
		Long: `Compare the events of a webhook with what its vendor lists, and take in what never
arrived, the oldest first. Events that were received and that the vendor does not
know are named and flagged. The gateway does it: the command shows how far it is, and
Ctrl-C leaves it at work. In a pipe each change is a line of JSON, the last one the
whole comparison. Exit code 1 if it could not finish.`,
		Example: "  backflow events reconcile stripe-events --since 72h --dry-run\n" +
			"  backflow events reconcile stripe-events --since 2026-01-31T12:00:00Z",
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) (err error) {
			since, err = sinceTime(since, time.Now())
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.reconcile(cmd.Context(), args[0], since, dryRun, &out)
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "compare what the vendor made since then, such as 72h, 3d or a time of RFC 3339; without it as far back as the config says (reconcile.lookback)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what is missing, and what is unknown to the vendor")
	completeFlag(cmd, "since", fixed("1h", "24h", "72h", "1w"))
	out.flag(cmd, formAuto)
	complete(cmd, fixed())
	return cmd
}

// passView is what is shown of a comparison.
type passView struct {
	ID      string           `json:"id"`
	Webhook string           `json:"webhook"`
	Status  reconcile.Status `json:"status"`
	DryRun  bool             `json:"dryRun"`
	Window  struct{ Since, Until *time.Time }
	Through time.Time `json:"through"`
	reconcile.Counts
	Error         *struct{ Code, Detail string }
	Events        []struct{ ID, Type, CreatedAt, Result, Reason string }
	UnknownEvents []struct{ ID, Type, ReceivedAt string }
}

// line says how far a comparison is.
func (v *passView) line() string {
	text := fmt.Sprintf("%s: %s", v.Webhook, v.Status)
	if v.Status == reconcile.StatusRunning {
		text += ", up to " + v.Through.UTC().Format(time.RFC3339)
	}
	text += fmt.Sprintf(": %d listed, %d missing", v.Listed, v.Missing)
	if !v.DryRun {
		text += fmt.Sprintf(", %d taken in", v.Taken)
	}
	for _, more := range []struct {
		n    int
		what string
	}{{v.Refused, "refused"}, {v.Unknown, "unknown to the vendor"}, {v.Errors, "errors of the list"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return text
}

// write shows the end of a comparison to people.
func (v *passView) write(w io.Writer) error {
	fmt.Fprintln(w, v.line())
	table := terminal.NewTable(w)
	if len(v.Events) > 0 {
		fmt.Fprintln(table, "\nMISSING\tTYPE\tMADE AT\tRESULT")
	}
	for _, e := range v.Events {
		result := e.Result
		if e.Reason != "" {
			result += ": " + e.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", terminal.Printable(e.ID), terminal.Printable(e.Type), e.CreatedAt, terminal.Printable(result))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := v.Missing - len(v.Events); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	table = terminal.NewTable(w)
	if len(v.UnknownEvents) > 0 {
		fmt.Fprintln(table, "\nUNKNOWN TO THE VENDOR\tTYPE\tRECEIVED AT")
	}
	for _, e := range v.UnknownEvents {
		fmt.Fprintf(table, "%s\t%s\t%s\n", terminal.Printable(e.ID), terminal.Printable(e.Type), e.ReceivedAt)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := v.Unknown - len(v.UnknownEvents); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	if v.DryRun && v.Missing > 0 {
		fmt.Fprintln(w, "nothing was done; without --dry-run they are taken in")
	}
	return nil
}

// reconcile asks for a comparison and shows how far it is until its end.
func (p *program) reconcile(ctx context.Context, webhook, since string, dryRun bool, out *output) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	body := map[string]any{"dryRun": dryRun}
	if since != "" {
		body["since"] = since
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	path := "/webhooks/" + url.PathEscape(webhook) + "/reconcile"
	var shown json.RawMessage
	if err := c.Change(ctx, path, rand.Text(), text, &shown); err != nil {
		return err
	}
	for before := ""; ; {
		var v passView
		if err := json.Unmarshal(shown, &v); err != nil {
			return err
		}
		if v.Status.Ended() {
			return p.endedPass(shown, &v, out)
		}
		if line := v.line(); line != before {
			if before = line; out.form == formAuto && !terminal.Is(p.stdout) {
				err = terminal.WriteLine(p.stdout, shown)
			} else {
				_, err = fmt.Fprintln(p.stderr, line)
			}
			if err != nil {
				return err
			}
		}
		if shown, err = p.nextPass(ctx, c, path+"?pass="+url.QueryEscape(v.ID)); err != nil || shown == nil {
			return err
		}
	}
}

// nextPass returns the comparison after a while; nil where the user has gone.
func (p *program) nextPass(ctx context.Context, c *client.Client, path string) (json.RawMessage, error) {
	select {
	case <-time.After(passPoll):
	case <-ctx.Done():
	}
	var state struct{ Pass json.RawMessage }
	if err := c.Get(ctx, path, &state); ctx.Err() == nil {
		return state.Pass, err
	}
	fmt.Fprintln(p.stderr, "the comparison goes on without this command")
	return nil, nil
}

// endedPass shows a comparison that has ended.
func (p *program) endedPass(shown json.RawMessage, v *passView, out *output) error {
	var err error
	if out.form == formAuto && !terminal.Is(p.stdout) {
		err = terminal.WriteLine(p.stdout, shown)
	} else {
		err = out.write(p.stdout, shown, v.write)
	}
	if err != nil || v.Status == reconcile.StatusSucceeded {
		return err
	}
	reason := "the comparison has failed"
	if v.Error != nil {
		reason += ": " + strings.TrimSpace(v.Error.Code+": "+v.Error.Detail)
	}
	return errors.New(terminal.Printable(reason))
}
