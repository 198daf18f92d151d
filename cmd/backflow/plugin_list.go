package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/plugin"
)

func (p *program) pluginListCommand() *cobra.Command {
	var places pluginPlaces
	var format string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that a config or a plugin directory has",
		Long: `List the plugins that a config (-c) or plugin directories (--dir) have, with
version, checksum, whether they are pinned, and the state of their files. Each is
started to ask what it is, and handed neither credentials nor environment.`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return checkFormat(format) },
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.listPlugins(cmd.Context(), &places, format)
		}),
	}
	places.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func (p *program) listPlugins(ctx context.Context, places *pluginPlaces, format string) error {
	specs, err := places.plugins(p)
	if err != nil {
		return err
	}
	slices.SortFunc(specs, func(a, b plugin.Spec) int { return strings.Compare(a.Name, b.Name) })
	files := make([]pluginFile, len(specs))
	launcher := newLaunchers()
	var inspections sync.WaitGroup
	for i, spec := range specs {
		inspections.Go(func() { files[i] = inspect(ctx, launcher, spec) })
	}
	inspections.Wait()
	if format == "json" {
		return errors.Join(terminal.WriteValue(p.stdout, files), launcher.Close())
	}
	table := terminal.NewTable(p.stdout)
	fmt.Fprintln(table, "NAME\tKIND\tVERSION\tPINNED\tSTATE\tPATH\tSHA256")
	for _, f := range files {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.Kind, f.Version, yesNo(f.Pinned), f.State, f.Path, f.SHA256)
	}
	err = table.Flush()
	for _, f := range files {
		if f.Reason != "" {
			fmt.Fprintf(p.stdout, "\n%s: %s\n", f.Name, terminal.Printable(f.Reason))
		}
	}
	return errors.Join(err, launcher.Close())
}
