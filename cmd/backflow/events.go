package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/core/event"
)

func (p *program) eventsCommand() *cobra.Command {
	return group("events", "Received webhook events of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)",
		p.eventsListCommand(),
		p.eventsShowCommand(),
		p.eventsReplayCommand(),
		p.eventsTailCommand(),
		p.eventsReconcileCommand(),
		p.eventsVerifyCommand(),
	)
}

// eventPath is the path of an event, by either of its ids.
func eventPath(id string) string { return "/events/" + url.PathEscape(id) }

// eventFilter are the flags that select events.
type eventFilter struct{ webhook, kind, status, since, until string }

func (f *eventFilter) flags(cmd *cobra.Command, of string) {
	cmd.Flags().StringVar(&f.webhook, "webhook", "", of+"events of this webhook")
	cmd.Flags().StringVar(&f.kind, "type", "", of+"events of this type, in which * is any text")
	cmd.Flags().StringVar(&f.status, "status", "", of+"events with one of these statuses: received, processed, failed, filtered")
	statuses := make([]string, len(event.Statuses))
	for i, s := range event.Statuses {
		statuses[i] = string(s)
	}
	completeFlag(cmd, "webhook", fixed())
	completeFlag(cmd, "type", fixed())
	completeFlag(cmd, "status", fixed(statuses...))
}

func (f *eventFilter) timeFlags(cmd *cobra.Command, of string) {
	cmd.Flags().StringVar(&f.since, "since", "", of+"events received since then: a time of RFC 3339, or so long ago, such as 24h, 3d or 2w")
	cmd.Flags().StringVar(&f.until, "until", "", "of these, only those received before then")
	completeFlag(cmd, "since", fixed("1h", "24h", "3d", "1w"))
	completeFlag(cmd, "until", fixed("1h", "24h", "3d", "1w"))
}

// check reads the times and the statuses.
func (f *eventFilter) check(now time.Time) (err error) {
	if f.status != "" {
		if _, err := event.ParseStatuses(f.status); err != nil {
			return fmt.Errorf("--status: %w", err)
		}
	}
	if f.since, err = sinceTime(f.since, now); err == nil {
		f.until, err = sinceTime(f.until, now)
	}
	return err
}

// values are those that are given, by name.
func (f *eventFilter) values() map[string]string {
	return given(map[string]string{"webhook": f.webhook, "type": f.kind, "status": f.status, "since": f.since, "until": f.until})
}

func (f *eventFilter) query() url.Values {
	query := url.Values{}
	for name, text := range f.values() {
		query.Set(name, text)
	}
	return query
}

func (p *program) eventsListCommand() *cobra.Command {
	var filter eventFilter
	var l listing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List received events, the newest first",
		Example: `  backflow events list --webhook stripe-events --status failed --since 24h
  backflow events list --type 'payment_intent.*' -o json`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if err := filter.check(time.Now()); err != nil {
				return err
			}
			return l.check()
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.list(cmd, &l, "/events", filter.values(), client.WriteEvents)
		}),
	}
	filter.flags(cmd, "only ")
	filter.timeFlags(cmd, "only ")
	l.flags(cmd)
	return cmd
}

// webhookQuery is the query that says which webhook's event is meant.
func webhookQuery(webhook string) string {
	if webhook == "" {
		return ""
	}
	return "?" + url.Values{"webhook": {webhook}}.Encode()
}

func (p *program) eventsShowCommand() *cobra.Command {
	var webhook string
	var out output
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an event with its payload, by the sender's id or its uid",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.show(cmd, &out, eventPath(args[0])+webhookQuery(webhook), client.WriteEvent)
		}),
	}
	cmd.Flags().StringVar(&webhook, "webhook", "", "which webhook's event it is, where several have the sender's id")
	completeFlag(cmd, "webhook", fixed())
	out.flag(cmd, formTable)
	complete(cmd)
	return cmd
}

func (p *program) eventsTailCommand() *cobra.Command {
	var filter eventFilter
	var out output
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show events as they are received and their statuses change, until Ctrl-C",
		Long: `Show events as they are received and their statuses change, until Ctrl-C: a line
for each change in a terminal, else each as a line of JSON. A connection that
breaks goes on after the last change that arrived.`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return filter.check(time.Now()) },
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			show := &client.EventProgress{Progress: p.progress(&out)}
			err = c.Tail(cmd.Context(), filter.query(), show)
			if errors.Is(err, cmd.Context().Err()) {
				return nil
			}
			return err
		}),
	}
	filter.flags(cmd, "only ")
	out.flag(cmd, formAuto)
	return cmd
}
