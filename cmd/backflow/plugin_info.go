package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/suggest"
)

func (p *program) pluginInfoCommand() *cobra.Command {
	var places pluginPlaces
	var out output
	cmd := &cobra.Command{
		Use:   "info NAME|PATH [ACTION]",
		Short: "Show what a plugin can do: its actions, credentials and webhooks",
		Long: `Show what a plugin publishes: its actions with their params, HTTP bindings and what
a repeat does, its credentials with the secret fields marked, and its webhooks; with
ACTION, that action alone. -o json has the schemas whole. The plugin is handed
neither credentials nor environment.`,
		Example: `  backflow plugin info stripe
  backflow plugin info stripe createRefund`,
		Args: cobra.RangeArgs(1, 2),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			spec, err := places.find(p, args[0])
			if err != nil {
				return err
			}
			view, err := describePlugin(cmd.Context(), spec)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return out.writeValue(p.stdout, view, view.write)
			}
			one, err := view.action(args[1])
			if err != nil {
				return err
			}
			return out.writeValue(p.stdout, one, func(w io.Writer) error { return writeAction(w, one) })
		}),
	}
	places.flags(cmd)
	places.complete(cmd, p)
	out.flag(cmd, formTable)
	return cmd
}

// pluginView is what info shows.
type pluginView struct {
	Name         string                 `json:"name"`
	Version      string                 `json:"version"`
	Description  string                 `json:"description,omitempty"`
	Kind         string                 `json:"kind"`
	Path         string                 `json:"path"`
	SHA256       string                 `json:"sha256"`
	Protocol     int                    `json:"protocol"`
	Sandbox      bool                   `json:"sandbox"`
	Webhook      *sdk.WebhookCapability `json:"webhook,omitempty"`
	Credentials  json.RawMessage        `json:"credentials,omitempty"`
	SecretFields []string               `json:"secretFields,omitempty"`
	Actions      []action.View          `json:"actions"`
}

// describePlugin asks a plugin what it is.
func describePlugin(ctx context.Context, spec plugin.Spec) (*pluginView, error) {
	spec.RequirePinned = false // it says nothing of what the plugin can do
	launcher := newLaunchers()
	f := inspect(ctx, launcher, spec)
	if err := launcher.Close(); err != nil {
		return nil, err
	}
	if f.manifest == nil {
		return nil, errors.New(f.Reason)
	}
	m := f.manifest
	view := &pluginView{
		Name: m.Name, Version: m.Version, Description: m.Description, Kind: f.Kind, Path: f.Path, SHA256: f.SHA256,
		Protocol: protocolOf(spec), Sandbox: m.Sandbox, Webhook: m.Webhook,
		Credentials: m.Credentials, SecretFields: credential.SecretFields(m.Credentials), Actions: []action.View{},
	}
	for i := range m.Actions {
		view.Actions = append(view.Actions, action.ViewOf(m.Name, &m.Actions[i]))
	}
	return view, nil
}

// action returns the action of a name.
func (v *pluginView) action(name string) (*action.View, error) {
	names := make([]string, len(v.Actions))
	for i := range v.Actions {
		if names[i] = v.Actions[i].Name; names[i] == name {
			return &v.Actions[i], nil
		}
	}
	return nil, fmt.Errorf("plugin %s has no action %q (%s)", v.Name, name, suggest.Hint(name, names))
}

// write writes the view for people.
func (v *pluginView) write(w io.Writer) error {
	fmt.Fprintf(w, "%s %s\n", terminal.Printable(v.Name), terminal.Printable(v.Version))
	if v.Description != "" {
		fmt.Fprintln(w, terminal.Printable(v.Description))
	}
	table := terminal.NewTable(w)
	fmt.Fprintf(table, "\nkind\t%s\nprotocol\t%d\npath\t%s\nsha256\t%s\nsandbox\t%s\nwebhooks\t%s\n",
		v.Kind, v.Protocol, v.Path, v.SHA256, yesNo(v.Sandbox), v.webhooks())
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nCREDENTIALS")
	switch {
	case len(v.Credentials) == 0:
		fmt.Fprintln(w, "  none")
	default:
		if err := writeFields(w, v.Credentials, v.SecretFields); err != nil {
			return err
		}
	}
	for i := range v.Actions {
		fmt.Fprintln(w)
		if err := writeAction(w, &v.Actions[i]); err != nil {
			return err
		}
	}
	return nil
}

// webhooks says what the plugin can do with its vendor's.
func (v *pluginView) webhooks() string {
	if v.Webhook == nil {
		return "no"
	}
	text := "verified"
	if v.Webhook.SecretField != "" {
		text += ", with the secret in " + v.Webhook.SecretField
	}
	switch types := v.Webhook.EventTypes; {
	case len(types) > typesShown:
		text += fmt.Sprintf("; samples of %d types (`backflow trigger %s --list`)", len(types), v.Name)
	case len(types) > 0:
		text += "; samples of " + strings.Join(types, ", ")
	}
	return terminal.Printable(text)
}

// typesShown is how many types of events are listed in one line.
const typesShown = 30

func writeAction(w io.Writer, a *action.View) error {
	fmt.Fprintf(w, "ACTION %s\n", terminal.Printable(a.Name))
	if a.Description != "" {
		fmt.Fprintln(w, " ", terminal.Printable(a.Description))
	}
	table := terminal.NewTable(w)
	if a.HTTP != nil {
		fmt.Fprintf(table, "  http\t%s %s\n", a.HTTP.Method, terminal.Printable(a.HTTP.Path))
	}
	fmt.Fprintf(table, "  \tPOST %s\n", a.Path)
	fmt.Fprintf(table, "  writes\t%s\n", writing(a))
	if len(a.Permissions) > 0 {
		fmt.Fprintf(table, "  rights\t%s\n", terminal.Printable(strings.Join(a.Permissions, ", ")))
	}
	if len(a.Variants) > 0 {
		fmt.Fprintf(table, "  variants\t%d, by %s: -o json has them\n", len(a.Variants), terminal.Printable(a.Variants[0].Param))
	}
	if a.ByName {
		fmt.Fprintln(table, "  scope\tgranted by its own name only")
	}
	for _, example := range a.Examples {
		fmt.Fprintf(table, "  example\t%s\n", terminal.Brief(example.Params))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return writeFields(w, a.Params, nil)
}

// writing says whether the action writes and what a repeat does.
func writing(a *action.View) string {
	switch {
	case !a.Writes:
		return "no"
	case a.KeyLifetime != "":
		return fmt.Sprintf("yes; a repeat with the same key: %s, for %s", a.Repeat, a.KeyLifetime)
	default:
		return fmt.Sprintf("yes; a repeat with the same key: %s", a.Repeat)
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// schemaField is what is shown of a field at the top of a schema.
type schemaField struct {
	Type        json.RawMessage   `json:"type"`
	Enum        []json.RawMessage `json:"enum"`
	Format      string            `json:"format"`
	Description string            `json:"description"`
}

// writeFields writes the fields at the top of a schema, the required first.
func writeFields(w io.Writer, schema json.RawMessage, secret []string) error {
	var top struct {
		Properties map[string]schemaField `json:"properties"`
		Required   []string               `json:"required"`
	}
	if err := json.Unmarshal(schema, &top); err != nil || len(top.Properties) == 0 {
		return nil // it has no fields, or says them in a way that only the schema itself can show
	}
	names := make([]string, 0, len(top.Properties))
	for name := range top.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		ra, rb := slices.Contains(top.Required, a), slices.Contains(top.Required, b)
		switch {
		case ra == rb:
			return strings.Compare(a, b)
		case ra:
			return -1
		}
		return 1
	})
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "  FIELD\tTYPE\t\tDESCRIPTION")
	for _, name := range names {
		field := top.Properties[name]
		var marks []string
		if slices.Contains(top.Required, name) {
			marks = append(marks, "required")
		}
		if slices.ContainsFunc(secret, func(path string) bool {
			return path == name || strings.HasPrefix(path, name+".") || strings.HasPrefix(path, name+"[]")
		}) {
			marks = append(marks, "secret")
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", terminal.Printable(name), terminal.Printable(field.typeName()), strings.Join(marks, ", "), firstSentence(field.Description))
	}
	return table.Flush()
}

// typeName names what the field takes, as far as that is short.
func (f *schemaField) typeName() string {
	var one string
	var many []string
	switch {
	case len(f.Enum) > 0:
		values := make([]string, len(f.Enum))
		for i, value := range f.Enum {
			values[i] = string(value)
		}
		return excerpt.Fit(strings.Join(values, " | "), 40)
	case json.Unmarshal(f.Type, &one) == nil && one != "":
	case json.Unmarshal(f.Type, &many) == nil:
		one = strings.Join(many, " | ")
	default:
		return "any"
	}
	if f.Format != "" {
		one += " (" + f.Format + ")"
	}
	return one
}

// firstSentence is enough of a description for a line.
func firstSentence(text string) string {
	text = terminal.Printable(text)
	if at := strings.Index(text, ". "); at >= 0 {
		text = text[:at+1]
	}
	return excerpt.Fit(text, 100)
}
