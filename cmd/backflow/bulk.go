package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/sdk"
)

// bulkPoll is how often a gateway is asked how far a bulk is.
const bulkPoll = time.Second

// selection are the flags that select many runs, and how they are changed.
type selection struct {
	workflow, since, until, code string
	status                       []string
	yes, dryRun                  bool
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.workflow, "workflow", "", "in place of an ID: all runs of this workflow")
	f.StringSliceVar(&s.status, "status", nil, "in place of an ID: all runs with one of these statuses")
	f.StringVar(&s.since, "since", "", "in place of an ID: all runs accepted since then, such as 3d, 24h or a time of RFC 3339")
	f.StringVar(&s.until, "until", "", "of these, only those accepted before then")
	f.StringVar(&s.code, "error", "", "in place of an ID: all runs with this code as error")
	f.BoolVar(&s.dryRun, "dry-run", false, "only show which runs they are")
	f.BoolVar(&s.yes, "yes", false, "do not ask before many runs are changed")
	completeFlag(cmd, "status", fixed(statuses()...))
}

// selects reports whether a flag selects runs.
func (s *selection) selects() bool {
	return s.workflow != "" || len(s.status) > 0 || s.since != "" || s.until != "" || s.code != ""
}

// check returns the fault of a command line that names one run or selects many.
func (s *selection) check(p *program, args []string, now time.Time) (err error) {
	switch {
	case len(args) == 1 && (s.selects() || s.dryRun || s.yes):
		return errors.New("give the ID of one run, or flags that select many")
	case len(args) == 0 && !s.selects():
		return errors.New("give the ID of a run, or select many with --workflow, --status, --since, --until or --error")
	case len(args) == 0 && !s.yes && !s.dryRun && !p.canAsk():
		return errors.New("nobody can be asked whether these runs are to be changed: --yes does it, --dry-run shows which they are")
	}
	if s.since, err = sinceTime(s.since, now); err == nil {
		s.until, err = sinceTime(s.until, now)
	}
	return err
}

// canAsk reports whether a person sees what is printed, and can reply.
func (p *program) canAsk() bool {
	in, ok := p.stdin.(*os.File)
	return ok && terminal.Is(in) && terminal.Is(p.stdout)
}

// request is the body of POST /bulk.
func (s *selection) request(action bulk.Action) ([]byte, error) {
	filter := map[string]any{}
	for name, text := range given(map[string]string{"workflow": s.workflow, "since": s.since, "until": s.until, "error": s.code}) {
		filter[name] = text
	}
	if len(s.status) > 0 {
		filter["status"] = s.status
	}
	return json.Marshal(map[string]any{"action": action, "filter": filter, "dryRun": true})
}

// bulkView is what is shown of a bulk.
type bulkView struct {
	ID      string            `json:"id"`
	Action  bulk.Action       `json:"action"`
	Status  bulk.Status       `json:"status"`
	Caller  string            `json:"caller"`
	Counts  bulk.Counts       `json:"counts"`
	Reasons map[string]int    `json:"reasons"`
	Sample  []json.RawMessage `json:"sample"`
	Events  []json.RawMessage `json:"sampleEvents"`
}

// what is one item of the bulk.
func (v *bulkView) what() string {
	if v.Action == bulk.ActionReplay {
		return "event"
	}
	return "run"
}

func (v *bulkView) ended() bool {
	return v.Status == bulk.StatusFinished || v.Status == bulk.StatusCancelled
}

// line says how far a bulk is.
func (v *bulkView) line() string {
	text := fmt.Sprintf("bulk %s: %s, %s: %d of %d done", v.ID, v.Action, v.Status, v.Counts.Done, v.Counts.Total)
	if n := v.Counts.Failed; n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	if n := v.Counts.Skipped; n > 0 {
		text += fmt.Sprintf(", %d skipped", n)
	}
	if len(v.Reasons) > 0 {
		reasons := make([]string, 0, len(v.Reasons))
		for _, code := range slices.Sorted(maps.Keys(v.Reasons)) {
			reasons = append(reasons, fmt.Sprintf("%s %d", code, v.Reasons[code]))
		}
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	return text
}

// changeMany shows the runs that are selected and, if that is agreed to, changes
// them.
func (p *program) changeMany(cmd *cobra.Command, action bulk.Action, s *selection, out *output) error {
	body, err := s.request(action)
	if err != nil {
		return err
	}
	return p.changeAll(cmd, body, action, s.dryRun, s.yes, out)
}

// changeAll shows what a preview, the body of POST /bulk, selects and, if that is agreed
// to, changes it.
func (p *program) changeAll(cmd *cobra.Command, body []byte, action bulk.Action, dryRun, yes bool, out *output) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	var shown json.RawMessage
	if err := c.Change(cmd.Context(), "/bulk", rand.Text(), body, &shown); err != nil {
		return err
	}
	var v bulkView
	if err := json.Unmarshal(shown, &v); err != nil {
		return err
	}
	if dryRun {
		return out.write(p.stdout, shown, func(w io.Writer) error {
			if err := v.preview(w); err != nil {
				return err
			}
			if v.Counts.Total > 0 {
				fmt.Fprintf(w, "nothing was done; `backflow bulk resume %s` does these, and no others\n", v.ID)
			}
			return nil
		})
	}
	if err := v.preview(p.stderr); err != nil {
		return err
	}
	if v.Counts.Total == 0 {
		return nil
	}
	if !yes && !p.agreed(fmt.Sprintf("%s %d %ss?", action, v.Counts.Total, v.what())) {
		fmt.Fprintln(p.stderr, "nothing was done")
		return nil
	}
	if err := c.Change(cmd.Context(), bulkPath(v.ID)+"/resume", rand.Text(), nil, &shown); err != nil {
		return err
	}
	return p.watchBulk(cmd.Context(), c, v.ID, out)
}

// preview shows which runs a bulk is about.
func (v *bulkView) preview(w io.Writer) error {
	if v.Counts.Total == 0 {
		fmt.Fprintf(w, "no %s matches\n", v.what())
		return nil
	}
	write, sample := client.WriteRuns, v.Sample
	if v.Action == bulk.ActionReplay {
		write, sample = client.WriteEvents, v.Events
	}
	if err := write(w, sample); err != nil {
		return err
	}
	if more := v.Counts.Total - len(sample); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	if n := v.Counts.OutcomeUnknown; n > 0 && v.Action == bulk.ActionReplay {
		fmt.Fprintf(w, "of %d it is not known whether a step took effect; they are skipped: `backflow runs retry --workflow webhook:NAME --error outcome_unknown` is for them\n", n)
	} else if n > 0 {
		fmt.Fprintf(w, "of %d it is not known whether a step took effect; they are skipped unless --error outcome_unknown names them\n", n)
	}
	return nil
}

// agreed asks a person.
func (p *program) agreed(question string) bool {
	fmt.Fprint(p.stderr, question+" [y/N] ")
	reply, err := bufio.NewReader(p.stdin).ReadString('\n')
	reply = strings.ToLower(strings.TrimSpace(reply))
	return err == nil && (reply == "y" || reply == "yes")
}

// watchBulk shows how far a bulk is until it ends. It fails if an item failed.
func (p *program) watchBulk(ctx context.Context, c *client.Client, id string, out *output) error {
	before := ""
	for {
		var shown json.RawMessage
		err := c.Get(ctx, bulkPath(id), &shown)
		if ctx.Err() != nil {
			fmt.Fprintf(p.stderr, "the bulk goes on without this command: `backflow bulk watch %s` shows it, `backflow bulk pause %s` pauses it\n", id, id)
			return nil
		}
		if err != nil {
			return err
		}
		var v bulkView
		if err := json.Unmarshal(shown, &v); err != nil {
			return err
		}
		if v.ended() || v.Status == bulk.StatusPaused || v.Status == bulk.StatusPreviewed {
			if err := p.printBulk(shown, out); err != nil {
				return err
			}
			if v.Counts.Failed > 0 {
				return fmt.Errorf("%d %ss could not be changed: `backflow bulk items %s` says why", v.Counts.Failed, v.what(), id)
			}
			if n := v.Reasons[string(sdk.CodeOutcomeUnknown)]; n > 0 && v.Action == bulk.ActionReplay {
				return fmt.Errorf("of %d of the events it is not known whether a step took effect: look at the other side, then `backflow runs retry --workflow webhook:NAME --error outcome_unknown` calls these steps again under the same keys", n)
			}
			return nil
		}
		if line := v.line(); line != before {
			fmt.Fprintln(p.stderr, line)
			before = line
		}
		select {
		case <-time.After(bulkPoll):
		case <-ctx.Done():
		}
	}
}

func bulkPath(id string) string { return "/bulk/" + url.PathEscape(id) }

func (p *program) bulkCommand() *cobra.Command {
	return group("bulk", "Changes of many runs, as `runs retry`, `runs cancel` and `runs rerun` make them",
		p.bulkShowCommand(),
		p.bulkItemsCommand(),
		p.bulkWatchCommand(),
		p.bulkChangeCommand("pause", "Pause a bulk after the run that is being dealt with"),
		p.bulkChangeCommand("resume", "Have a bulk go on that was previewed or paused"),
		p.bulkChangeCommand("cancel", "End a bulk: the runs that are left stay as they are"),
	)
}

func (p *program) bulkShowCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a bulk and how far it is",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.show(cmd, &out, bulkPath(args[0]), writeBulk)
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

// writeBulk writes for people how far a bulk is.
func writeBulk(w io.Writer, shown json.RawMessage) error {
	var v bulkView
	if err := json.Unmarshal(shown, &v); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, v.line())
	return err
}

// printBulk prints a bulk.
func (p *program) printBulk(shown json.RawMessage, out *output) error {
	return out.write(p.stdout, shown, func(w io.Writer) error { return writeBulk(w, shown) })
}

func (p *program) bulkItemsCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "items ID",
		Short: "List the runs of a bulk with what became of them",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			all := client.Page{Data: []json.RawMessage{}}
			for query := (url.Values{"limit": {"1000"}}); ; {
				var page client.Page
				if err := c.Get(cmd.Context(), bulkPath(args[0])+"/items?"+query.Encode(), &page); err != nil {
					return err
				}
				if all.Data = append(all.Data, page.Data...); page.NextCursor == nil {
					break
				}
				query.Set("cursor", *page.NextCursor)
			}
			return out.writeValue(p.stdout, all, func(w io.Writer) error { return writeItems(w, all.Data) })
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

// writeItems writes the items of a bulk for people.
func writeItems(w io.Writer, items []json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "RUN OR EVENT\tRESULT\tCODE\tRERUN AS\tDETAIL")
	for _, data := range items {
		var item struct{ Run, Event, Result, Code, Detail, RerunAs string }
		if err := json.Unmarshal(data, &item); err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", cmp.Or(item.Run, item.Event), item.Result, item.Code, item.RerunAs, terminal.Printable(item.Detail))
	}
	return table.Flush()
}

func (p *program) bulkWatchCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "watch ID",
		Short: "Show how far a bulk is, until it ends or is paused",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			return p.watchBulk(cmd.Context(), c, args[0], &out)
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

// bulkChangeCommand is a command that asks something of a bulk by its id alone.
func (p *program) bulkChangeCommand(what, short string) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   what + " ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var shown json.RawMessage
			if err := c.Change(cmd.Context(), bulkPath(args[0])+"/"+what, rand.Text(), nil, &shown); err != nil {
				return err
			}
			return p.printBulk(shown, &out)
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}
