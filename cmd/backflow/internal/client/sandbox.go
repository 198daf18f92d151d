package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// sandboxWait is how long a command of a sandbox may take beyond an ordinary request:
// it may move time over much that is due.
const sandboxWait = 2 * time.Minute

// Sandboxes returns the integrations that run in their sandbox, by name.
func (c *Client) Sandboxes(ctx context.Context) ([]string, error) {
	var found struct {
		Data []struct {
			Name    string `json:"name"`
			Sandbox bool   `json:"sandbox"`
		} `json:"data"`
	}
	if err := c.Get(ctx, "/integrations", &found); err != nil {
		return nil, err
	}
	var names []string
	for _, integration := range found.Data {
		if integration.Sandbox {
			names = append(names, integration.Name)
		}
	}
	return names, nil
}

// Sandbox returns the only integration that runs in its sandbox. The error says which
// there are.
func (c *Client) Sandbox(ctx context.Context) (string, error) {
	names, err := c.Sandboxes(ctx)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", fmt.Errorf("no integration of the gateway at %s runs in its sandbox: in `backflow dev` one does whose credentials are not in the environment", c.address())
	case len(names) > 1:
		return "", fmt.Errorf("which sandbox is meant? Give --integration: %s run in theirs", terminal.Printable(strings.Join(names, ", ")))
	}
	return names[0], nil
}

// ControlSandbox has the sandbox of an integration do a command, and returns its
// result. It is sent once: whether it was done is not known where no response comes.
func (c *Client) ControlSandbox(ctx context.Context, integration, command string, params any) (json.RawMessage, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	var result json.RawMessage
	path := "/integrations/" + url.PathEscape(integration) + "/sandbox/" + url.PathEscape(command)
	return result, c.do(ctx, http.MethodPost, path, nil, body, sandboxWait, &result)
}

// WriteSandbox writes the result of a command of a sandbox for people, whatever the
// sandbox has in it: a line for each member.
func WriteSandbox(w io.Writer, integration string, result json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintf(table, "integration\t%s\n", terminal.Printable(integration))
	if err := eachMember(result, func(name string, value json.RawMessage) {
		for i, line := range sandboxLines(value) {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(table, "%s\t%s\n", terminal.Printable(name), line)
		}
	}); err != nil {
		return err
	}
	return table.Flush()
}

// sandboxLines shows a member: a list with a line for each element, and an object with
// one for each of its members.
func sandboxLines(value json.RawMessage) []string {
	var elements []json.RawMessage
	if json.Unmarshal(value, &elements) != nil {
		var lines []string
		if eachMember(value, func(name string, value json.RawMessage) {
			lines = append(lines, terminal.Printable(name)+" "+sandboxText(value))
		}) == nil && len(lines) > 0 {
			return lines
		}
		return []string{sandboxText(value)}
	}
	if len(elements) == 0 {
		return []string{"-"}
	}
	lines := make([]string, len(elements))
	for i, element := range elements {
		lines[i] = sandboxText(element)
	}
	return lines
}

// sandboxText shows a value on one line, an object as its members.
func sandboxText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return terminal.Printable(text)
	}
	var parts []string
	if eachMember(value, func(name string, value json.RawMessage) {
		parts = append(parts, terminal.Printable(name)+" "+sandboxText(value))
	}) != nil {
		return terminal.Brief(value)
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// eachMember calls do for each member of a JSON object, in its order. It is an error
// where the value is none.
func eachMember(value json.RawMessage, do func(name string, value json.RawMessage)) error {
	decoder := json.NewDecoder(bytes.NewReader(value))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errors.Join(errors.New("the sandbox has returned no object"), err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			return err
		}
		do(name.(string), member) // the name of a member is a string
	}
	return nil
}

// SandboxClock is a clock of a sandbox: its own, whose ID is empty, or one that was made
// in it, perhaps in an account of its own.
type SandboxClock struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Time    time.Time `json:"time"`
}

// SandboxClocks are all clocks of a sandbox, its own first.
func (c *Client) SandboxClocks(ctx context.Context, integration string) ([]SandboxClock, error) {
	result, err := c.ControlSandbox(ctx, integration, "status", struct{}{})
	if err != nil {
		return nil, err
	}
	var status struct {
		Time   time.Time      `json:"time"`
		Clocks []SandboxClock `json:"clocks"`
	}
	err = json.Unmarshal(result, &status)
	return append([]SandboxClock{{Time: status.Time}}, status.Clocks...), err
}

// SandboxClock returns the clock of that id; "" is the sandbox's own.
func (c *Client) SandboxClock(ctx context.Context, integration, id string) (SandboxClock, error) {
	clocks, err := c.SandboxClocks(ctx, integration)
	if err != nil {
		return SandboxClock{}, err
	}
	var ids []string
	for _, clock := range clocks {
		if clock.ID == id {
			return clock, nil
		}
		ids = append(ids, clock.ID)
	}
	if ids = ids[1:]; len(ids) == 0 {
		return SandboxClock{}, fmt.Errorf("there is no clock %s: the sandbox has none", terminal.Printable(id))
	}
	return SandboxClock{}, fmt.Errorf("there is no clock %s, but %s", terminal.Printable(id), terminal.Printable(strings.Join(ids, ", ")))
}

// Advance is what came of a move of a sandbox's time.
type Advance struct {
	Integration string `json:"integration"`
	Clock       string `json:"clock,omitempty"`
	Account     string `json:"account,omitempty"`
	// From is where time was, Time where it is, To where it was to be.
	From time.Time `json:"from"`
	Time time.Time `json:"time"`
	To   time.Time `json:"to"`
	// Events counts the events that came of it, by their type.
	Events map[string]int `json:"events"`
}

// advanceStep is how far time is moved by one request: no request lasts long, and a
// repeat never moves time twice.
const advanceStep = 31 * 24 * time.Hour

// Go moves time to a.To in steps, and calls progress after each but the last, with the
// number of events of that step. It fills a.Time and a.Events in also where it fails.
func (a *Advance) Go(ctx context.Context, c *Client, progress func(at time.Time, events int)) error {
	a.Time, a.Events = a.From, map[string]int{}
	for a.Time.Before(a.To) {
		to := a.Time.Add(advanceStep)
		if to.After(a.To) {
			to = a.To
		}
		params := map[string]string{"to": to.UTC().Format(time.RFC3339Nano)}
		for name, value := range map[string]string{"clock": a.Clock, "account": a.Account} {
			if value != "" {
				params[name] = value
			}
		}
		result, err := c.ControlSandbox(ctx, a.Integration, "advance", params)
		if err != nil {
			return err
		}
		var step struct {
			Events map[string]int `json:"events"`
		}
		if err := json.Unmarshal(result, &step); err != nil {
			return err
		}
		a.Time = to
		count := 0
		for kind, n := range step.Events {
			a.Events[kind] += n
			count += n
		}
		if to.Before(a.To) {
			progress(to, count)
		}
	}
	return nil
}

// Write shows what came of it, for people.
func (a *Advance) Write(w io.Writer) error {
	what := "the sandbox of " + a.Integration
	if a.Clock != "" {
		what = "clock " + a.Clock + " in " + what
	}
	fmt.Fprintf(w, "%s is at %s\n", terminal.Printable(what), a.Time.UTC().Format(time.RFC3339))
	if len(a.Events) == 0 {
		_, err := fmt.Fprintln(w, "no events: nothing was due")
		return err
	}
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "\nEVENT\tCOUNT")
	for _, kind := range slices.Sorted(maps.Keys(a.Events)) {
		fmt.Fprintf(table, "%s\t%d\n", terminal.Printable(kind), a.Events[kind])
	}
	return table.Flush()
}
