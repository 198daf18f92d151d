package main

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// The forms of what a command prints.
const (
	formTable = "table" // for people: a table, or text
	formJSON  = "json"
	formYAML  = "yaml"
	// formAuto is what --output says where it is not given, in commands that print
	// one form to a terminal and another into a pipe.
	formAuto = ""
)

// output is the flag -o, which a command has that prints data.
type output struct {
	form  string
	forms []string
}

// flag adds -o, --output to a command, and --format as what it was called before.
// Beside the forms of every command it takes those given.
func (o *output) flag(cmd *cobra.Command, form string, more ...string) {
	o.form, o.forms = form, append([]string{formTable, formJSON, formYAML}, more...)
	usage := "how it is printed: " + o.list()
	if form == formAuto {
		usage += " (default: table in a terminal, a line of JSON for each event elsewhere)"
	}
	cmd.Flags().VarP(o, "output", "o", usage)
	cmd.Flags().Var(o, "format", usage)
	if err := errors.Join(
		cmd.Flags().MarkHidden("format"),
		cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(o.forms, cobra.ShellCompDirectiveNoFileComp)),
	); err != nil {
		panic(err) // the flags are defined right above
	}
}

// list names the forms.
func (o *output) list() string {
	last := len(o.forms) - 1
	return strings.Join(o.forms[:last], ", ") + " or " + o.forms[last]
}

// String returns the form.
func (o *output) String() string { return o.form }

// Type is what help calls the value.
func (o *output) Type() string { return "form" }

// Set takes a form; "text" is another word for that for people.
func (o *output) Set(text string) error {
	if text == "text" {
		text = formTable
	}
	if !slices.Contains(o.forms, text) {
		return errors.New("it is " + o.list())
	}
	o.form = text
	return nil
}

// write writes a document: as JSON, as YAML, or for people as table does.
func (o *output) write(w io.Writer, document json.RawMessage, table func(io.Writer) error) error {
	switch o.form {
	case formJSON:
		return terminal.WriteJSON(w, document)
	case formYAML:
		return terminal.WriteYAML(w, document)
	default:
		return table(w)
	}
}

// writeValue is write for a value that is a document as JSON.
func (o *output) writeValue(w io.Writer, v any, table func(io.Writer) error) error {
	document, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return o.write(w, document, table)
}
