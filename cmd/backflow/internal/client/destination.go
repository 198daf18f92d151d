package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// destinationView is what is shown of a destination.
type destinationView struct {
	Name         string   `json:"name"`
	URL          string   `json:"url"`
	Types        []string `json:"types"`
	State        string   `json:"state"`
	Reason       string   `json:"reason"`
	Since        string   `json:"since"`
	Probing      bool     `json:"probing"`
	FailingSince string   `json:"failingSince"`
	Held         int      `json:"held"`
	HeldMore     bool     `json:"heldMore"`
}

func (v *destinationView) state() string {
	if v.Probing {
		return v.State + ", probing"
	}
	return v.State
}

func (v *destinationView) held() string {
	if v.HeldMore {
		return fmt.Sprintf("%d or more", v.Held)
	}
	return fmt.Sprint(v.Held)
}

// WriteDestinations writes a list of destinations for people.
func WriteDestinations(w io.Writer, list []json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "DESTINATION\tSTATE\tHELD\tURL\tREASON")
	for _, data := range list {
		var v destinationView
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		cells := []string{v.Name, v.state(), v.held(), v.URL, v.Reason}
		for i, cell := range cells {
			cells[i] = terminal.Printable(cell)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// WriteDestination writes a destination for people.
func WriteDestination(w io.Writer, data json.RawMessage) error {
	var v destinationView
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	table := terminal.NewTable(w)
	row := rowsOf(table)
	row("destination", v.Name)
	row("url", v.URL)
	row("types", strings.Join(v.Types, ", "))
	row("state", v.state())
	row("since", v.Since)
	row("reason", v.Reason)
	row("failing since", v.FailingSince)
	row("held", v.held())
	return table.Flush()
}

// messageView is what is shown of a message to a destination.
type messageView struct {
	ID            string       `json:"id"`
	Type          string       `json:"type"`
	Status        string       `json:"status"`
	CreatedAt     string       `json:"createdAt"`
	Attempts      int          `json:"attempts"`
	NextAttemptAt *time.Time   `json:"nextAttemptAt"`
	Reason        string       `json:"reason"`
	Error         *problemView `json:"error"`
	LastResponse  *struct {
		Status int `json:"status"`
	} `json:"lastResponse"`
}

// outcome says how the last attempt went, and what comes next.
func (v *messageView) outcome() string {
	var parts []string
	switch {
	case v.Error != nil:
		parts = append(parts, v.Error.String())
	case v.LastResponse != nil:
		parts = append(parts, fmt.Sprint(v.LastResponse.Status))
	}
	if v.NextAttemptAt != nil {
		parts = append(parts, "next attempt "+v.NextAttemptAt.Local().Format(time.DateTime))
	}
	return cmp.Or(strings.Join(parts, "; "), terminal.Printable(v.Reason))
}

// WriteMessages writes a list of messages for people.
func WriteMessages(w io.Writer, list []json.RawMessage) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "MESSAGE\tTYPE\tSTATUS\tCREATED\tATTEMPTS\tLAST")
	for _, data := range list {
		var v messageView
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", terminal.Printable(v.ID), terminal.Printable(v.Type), terminal.Printable(v.Status), terminal.Printable(v.CreatedAt), v.Attempts, v.outcome())
	}
	return table.Flush()
}
