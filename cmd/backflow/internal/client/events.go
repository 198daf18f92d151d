package client

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
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
		for _, cell := range []string{toTheSecond(v.ReceivedAt), v.Webhook, v.Type, v.Status, v.ID, v.UID, v.Run} {
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
	row := rowsOf(table)
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
		row("resumed", fmt.Sprintf("%d times, by redeliveries", v.Resumed))
	}
	if v.Error != nil {
		row("error", v.Error.String())
		row("in step", v.Error.Step)
	}
	row("not kept", v.Unkept)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		doc   json.RawMessage
	}{{"HEADERS", v.Headers}, {"PAYLOAD", v.Payload}} {
		if len(part.doc) == 0 || string(part.doc) == "null" {
			continue
		}
		text, err := json.MarshalIndent(part.doc, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s\n", part.title)
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
