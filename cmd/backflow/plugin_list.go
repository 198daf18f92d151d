package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/plugin"
)

func (p *program) pluginListCommand() *cobra.Command {
	var places pluginPlaces
	var out output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that a config or a plugin directory has",
		Long: `List the plugins that a config (-c) or plugin directories (--dir) have, with
version, checksum, whether they are pinned, and the state of their files. Each is
started to ask what it is, and handed neither credentials nor environment.`,
		Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.listPlugins(cmd.Context(), &places, &out)
		}),
	}
	places.flags(cmd)
	out.flag(cmd, formTable)
	return cmd
}

func (p *program) listPlugins(ctx context.Context, places *pluginPlaces, out *output) (err error) {
	specs, err := places.plugins(p)
	if err != nil {
		return err
	}
	slices.SortFunc(specs, func(a, b plugin.Spec) int { return strings.Compare(a.Name, b.Name) })
	files := make([]pluginFile, len(specs))
	launcher := newLaunchers()
	defer func() { err = errors.Join(err, launcher.Close()) }()
	var inspections sync.WaitGroup
	for i, spec := range specs {
		inspections.Go(func() { files[i] = inspect(ctx, launcher, spec) })
	}
	inspections.Wait()
	return out.writeValue(p.stdout, files, func(w io.Writer) error { return writePlugins(w, files) })
}

// writePlugins writes a table, and below it what it has no room for.
func writePlugins(w io.Writer, files []pluginFile) error {
	table := terminal.NewTable(w)
	fmt.Fprintln(table, "NAME\tKIND\tVERSION\tPINNED\tSTATE\tPATH\tSHA256")
	for _, f := range files {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", terminal.Printable(f.Name), f.Kind, terminal.Printable(f.Version), yesNo(f.Pinned), f.State, terminal.Printable(f.Path), f.SHA256)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range files {
		if f.Reason != "" {
			fmt.Fprintf(w, "\n%s: %s\n", terminal.Printable(f.Name), terminal.Printable(f.Reason))
		}
	}
	return nil
}
