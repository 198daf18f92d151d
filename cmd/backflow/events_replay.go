package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/core/bulk"
)

func (p *program) eventsReplayCommand() *cobra.Command {
	var filter eventFilter
	var fromStart, wait, dryRun, yes bool
	var out output
	cmd := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Have what was not done of an event, or of many, be done by the present definition",
		Long: `Have what was not done of an event, or of many, be done by the present definition.
What had succeeded is not done again, but with --from-start.

With --webhook, --type, --status, --since or --until in place of an ID it is done to
every event that all of them select, those that failed if --status says no other.
First these are shown and counted, and it is asked whether to go on; then exactly
these are replayed, one after the other, by the gateway. --yes does not ask,
--dry-run does nothing else than show. Exit code 1 if an event could not be
replayed; where nobody can be asked and neither flag is given, 2.`,
		Example: `  backflow events replay evt_1PgafyB7WZ01zgkWRi7Tz3xL --wait
  backflow events replay --webhook stripe-events --status failed --since 3d`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			selects := len(filter.values()) > 0
			onlyWebhook := filter.webhook != "" && len(filter.values()) == 1
			switch {
			case len(args) == 1 && (selects && !onlyWebhook || dryRun || yes):
				return errors.New("give the ID of one event, or flags that select many")
			case len(args) == 0 && !selects:
				return errors.New("give the ID of an event, or select many with --webhook, --type, --status, --since or --until")
			case len(args) == 0 && wait:
				return errors.New("--wait is for one event, by its ID")
			case len(args) == 0 && !yes && !dryRun && !p.canAsk():
				return errors.New("nobody can be asked whether these events are to be replayed: --yes does it, --dry-run shows which they are")
			}
			return filter.check(time.Now())
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.replayEvent(cmd, args[0], filter.webhook, fromStart, wait, &out)
			}
			body, err := filter.replay(fromStart)
			if err != nil {
				return err
			}
			return p.changeAll(cmd, body, bulk.ActionReplay, dryRun, yes, &out)
		}),
	}
	filter.flags(cmd, "in place of an ID: ")
	filter.timeFlags(cmd, "in place of an ID: ")
	cmd.Flags().BoolVar(&fromStart, "from-start", false, "do everything again, also what had succeeded")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the run has ended; exit 1 if the event is not processed")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show which events they are")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before many events are replayed")
	out.flag(cmd, formTable)
	complete(cmd)
	return cmd
}

// replay is the body of POST /bulk.
func (f *eventFilter) replay(fromStart bool) ([]byte, error) {
	filter := map[string]any{}
	for name, text := range f.values() {
		filter[name] = text
	}
	if f.status != "" {
		filter["status"] = strings.Split(f.status, ",")
	}
	return json.Marshal(map[string]any{"action": bulk.ActionReplay, "filter": filter, "fromStart": fromStart, "dryRun": true})
}

// replayEvent replays one event and, if asked to, waits for the end of the run.
func (p *program) replayEvent(cmd *cobra.Command, id, webhook string, fromStart, wait bool, out *output) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]bool{"fromStart": fromStart})
	if err != nil {
		return err
	}
	var shown json.RawMessage
	if err := c.Change(cmd.Context(), eventPath(id)+"/replay"+webhookQuery(webhook), rand.Text(), body, &shown); err != nil {
		return err
	}
	if wait {
		if shown, err = p.awaitEvent(cmd, c, shown); err != nil {
			return err
		}
	}
	if err := out.write(p.stdout, shown, func(w io.Writer) error { return client.WriteEvents(w, []json.RawMessage{shown}) }); err != nil {
		return err
	}
	var event struct{ Status string }
	if err := json.Unmarshal(shown, &event); err != nil {
		return err
	}
	if wait && event.Status != "processed" {
		return fmt.Errorf("the event is %s: `backflow events show` says why", event.Status)
	}
	return nil
}

// awaitEvent waits until the run of an event that was replayed has ended, and returns the
// event.
func (p *program) awaitEvent(cmd *cobra.Command, c *client.Client, shown json.RawMessage) (json.RawMessage, error) {
	var event struct{ UID, Status string }
	for {
		if err := json.Unmarshal(shown, &event); err != nil || event.Status != "received" {
			return shown, err
		}
		select {
		case <-time.After(eventPoll):
		case <-cmd.Context().Done():
			return nil, errors.New("interrupted; the run goes on (backflow events show " + event.UID + ")")
		}
		if err := c.Get(cmd.Context(), eventPath(event.UID), &shown); err != nil {
			return nil, err
		}
	}
}

// eventPoll is how often a gateway is asked what became of an event.
const eventPoll = 500 * time.Millisecond
