package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk/manifest"
	"github.com/backflow/backflow/sdk/suggest"
)

// anyIntegration stands in the command line for the name of an integration.
const anyIntegration = "INTEGRATION"

// integrationCommand has the commands that are about one integration:
// "backflow stripe permissions".
func (p *program) integrationCommand() *cobra.Command {
	return group(anyIntegration, "What an integration needs, such as `backflow stripe permissions`", p.permissionsCommand())
}

// nameIntegration notes which integration a command line is about, if it is, and gives
// its name to the command that is about one.
func (p *program) nameIntegration(root *cobra.Command, args []string) {
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		args = args[1:]
	}
	if len(args) > 1 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	about, _, err := root.Find([]string{anyIntegration})
	if err != nil || len(args) < 2 || !manifest.ValidName(args[0]) || slices.Contains([]string{"help", "completion"}, args[0]) || hasCommand(root, args[0]) {
		return
	}
	switch asksHelp := args[1] == "--help" || args[1] == "-h"; {
	case nearCommand(about, args[1]) != "", asksHelp && nearCommand(root, args[0]) == "" && !hasCommand(about, args[0]):
		p.integration, about.Use = args[0], args[0]
	}
}

func hasCommand(parent *cobra.Command, name string) bool {
	return slices.Contains(commandNames(parent), name)
}

// nearCommand returns the name of the command below parent that name is, or is nearly;
// "" for none.
func nearCommand(parent *cobra.Command, name string) string {
	return suggest.Nearest(name, commandNames(parent))
}

func commandNames(parent *cobra.Command) []string {
	names := make([]string, 0, len(parent.Commands()))
	for _, cmd := range parent.Commands() {
		names = append(names, cmd.Name())
	}
	return names
}

func (p *program) permissionsCommand() *cobra.Command {
	var file string
	var out output
	cmd := &cobra.Command{
		Use:   "permissions [-c FILE]",
		Short: "Print the least rights that a key of the vendor's needs for a config",
		Long: `Print the least rights that a key of the vendor's needs for what a config does:
for every action that a step of a workflow or of a webhook calls, inner steps,
onError and compensate too, and for every action that a scope of a token grants.
Each right is printed once, at the highest level, with the places that need it.
Then come the calls of which it cannot be told. The plugin is handed no
credential.`,
		Example: "  backflow stripe permissions -c configs/stripe.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			if p.integration == "" {
				return fmt.Errorf("%s is the name of an integration, as in: %s", anyIntegration, cmd.Example)
			}
			return p.permissions(cmd.Context(), file, &out)
		}),
	}
	configFlag(cmd, &file)
	out.flag(cmd, formTable)
	return cmd
}

func (p *program) permissions(ctx context.Context, file string, out *output) (err error) {
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
	if err != nil {
		return err
	}
	launcher := newLaunchers()
	defer func() { err = errors.Join(err, launcher.Close()) }()
	rights, err := plan.Rights(ctx, launcher, p.integration)
	if err != nil {
		return err
	}
	return out.writeValue(p.stdout, permissionsView(p.integration, rights), func(w io.Writer) error { return writeRights(w, rights) })
}

// useView is a place that needs a right, as it is printed.
type useView struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Use    string `json:"use"`
}

// rightView is a right that is needed, with why.
type rightView struct {
	Permission string    `json:"permission"`
	Uses       []useView `json:"uses"`
}

// rightsView is all that a key needs. Unknown are the calls of which it cannot be told.
type rightsView struct {
	Integration string      `json:"integration"`
	Permissions []rightView `json:"permissions"`
	Unknown     []useView   `json:"unknown"`
}

func permissionsView(integration string, rights compile.Rights) rightsView {
	view := rightsView{Integration: integration, Permissions: []rightView{}, Unknown: usesView(rights.Open)}
	for _, right := range rights.Needed {
		view.Permissions = append(view.Permissions, rightView{Permission: right.Name, Uses: usesView(right.Uses)})
	}
	return view
}

func usesView(uses []compile.Use) []useView {
	views := make([]useView, 0, len(uses))
	for _, use := range uses {
		views = append(views, useView{use.Pos.File, use.Pos.Line, use.Pos.Col, use.What})
	}
	return views
}

// writeRights writes a table, a right in each row, and below it what cannot be told.
func writeRights(w io.Writer, rights compile.Rights) error {
	if len(rights.Needed) == 0 {
		fmt.Fprintln(w, "no right is needed")
	}
	if len(rights.Needed) > 0 {
		table := terminal.NewTable(w)
		fmt.Fprintln(table, "RIGHT\tFOR")
		for _, right := range rights.Needed {
			name := right.Name
			for _, use := range right.Uses {
				fmt.Fprintf(table, "%s\t%s\n", terminal.Printable(name), terminal.Printable(use.Pos.String()+"  "+use.What))
				name = ""
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(rights.Open) > 0 {
		fmt.Fprintln(w, "\nof these calls it cannot be told:")
	}
	for _, use := range rights.Open {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(use.Pos.String()+"  "+use.What))
	}
	return nil
}
