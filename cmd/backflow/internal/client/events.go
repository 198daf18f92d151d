package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/backoff"
)

// eventView is what is shown of an event.
type eventView struct {
	ID         string          `json:"id"`
	UID        string          `json:"uid"`
	Webhook    string          `json:"webhook"`
	Type       string          `json:"type"`
	Status     string          `json:"status"`
	Run        string          `json:"run"`
	ReceivedAt string          `json:"receivedAt"`
	Source     string          `json:"source"`
	Livemode   *bool           `json:"livemode"`
	Flags      []string        `json:"flags"`
	Error      *problemView    `json:"error"`
	Payload    json.RawMessage `json:"payload"`
	Headers    json.RawMessage `json:"headers"`
	Unkept     string          `json:"unkept"`
	Previous   []string        `json:"previousRuns"`
	Resumed    int             `json:"redeliveries"`
}

// WriteEvents writes a list of events for people.
func WriteEvents(w io.Writer, events []json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "RECEIVED\tWEBHOOK\tTYPE\tSTATUS\tID\tUID\tRUN\tFLAGS")
	for _, data := range events {
		var v eventView
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		received := v.ReceivedAt
		if at, err := time.Parse(time.RFC3339, received); err == nil {
			received = at.Format(time.RFC3339) // to the second
		}
		for _, cell := range []string{received, v.Webhook, v.Type, v.Status, v.ID, v.UID, v.Run} {
			fmt.Fprintf(table, "%s\t", terminal.Printable(cell))
		}
		fmt.Fprintln(table, terminal.Printable(strings.Join(v.Flags, ", ")))
	}
	return table.Flush()
}

// WriteEvent writes an event for people.
func WriteEvent(w io.Writer, data json.RawMessage) error {
	var v eventView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := terminal.NewTable(w)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, terminal.Printable(value))
		}
	}
	row("event", v.ID)
	row("uid", v.UID)
	row("webhook", v.Webhook)
	row("type", v.Type)
	row("status", v.Status)
	row("received", v.ReceivedAt)
	row("source", v.Source)
	if v.Livemode != nil {
		row("livemode", fmt.Sprint(*v.Livemode))
	}
	row("flags", strings.Join(v.Flags, ", "))
	row("run", v.Run)
	row("replaced runs", strings.Join(v.Previous, ", "))
	if v.Resumed > 0 {
		row("resumed by", fmt.Sprintf("%d redeliveries", v.Resumed))
	}
	if v.Error != nil {
		row("error", v.Error.String())
		row("in step", v.Error.Step)
	}
	row("not kept", v.Unkept)
	if err := table.Flush(); err != nil {
		return err
	}
	for name, part := range map[string]json.RawMessage{"headers": v.Headers, "payload": v.Payload} {
		if len(part) == 0 || string(part) == "null" {
			continue
		}
		text, err := json.MarshalIndent(part, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s\n", strings.ToUpper(name))
		for line := range strings.Lines(string(text)) {
			fmt.Fprintln(w, terminal.Printable(strings.TrimSuffix(line, "\n")))
		}
	}
	if v.Status == "failed" {
		fmt.Fprintf(w, "\nto repair it: backflow events replay %s\n", v.UID)
	}
	return nil
}

// EventProgress shows changes of events while they happen: to people a line for each,
// to programs each as JSON or YAML.
type EventProgress struct{ *Progress }

// Event shows one change.
func (s *EventProgress) Event(data json.RawMessage) error {
	if !s.Interactive {
		return s.document(data)
	}
	var v eventView
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("a change of an event: %w", err)
	}
	return s.line(v.Status, terminal.Printable(v.Type), terminal.Printable(strings.Join([]string{v.Webhook, v.ID, v.UID}, " ")))
}

// Tail shows what happens to events to a watcher until ctx ends, whose error it returns. A
// stream that breaks goes on after the last change that arrived.
func (c *Client) Tail(ctx context.Context, query url.Values, watcher Watcher) error {
	path, last := "/events/stream", ""
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	for failures := 1; ; failures++ {
		err := c.stream(ctx, path, last, watcher.Back, func(event streamEvent) error {
			last, failures = event.id, 0
			return watcher.Event(event.data)
		})
		failed, unhandled := errors.AsType[*handlerError](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case unhandled:
			return failed.error
		case err != nil && (!transient(err) || c.awayFor() > reconnectTimeout):
			return err
		case err != nil:
			watcher.Away(err)
		}
		_ = backoff.Sleep(ctx, requestWait.After(max(failures, 1))) // the next attempt sees the end of the context
	}
}
