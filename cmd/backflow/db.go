package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
)

func (p *program) dbCommand() *cobra.Command {
	return group("db", "What a config makes of its database", p.dbCheckCommand())
}

func (p *program) dbCheckCommand() *cobra.Command {
	var file string
	var dev bool
	var out output
	cmd := &cobra.Command{
		Use:   "check [-c FILE]",
		Short: "Check whether a config fits the live database: tables, columns, types, named queries",
		Long: `Check whether a config fits what is in the live database: what every step of a
workflow or of a webhook reads and writes, and the entry in credentials. Every fault
is shown with its place in the config. The plugin gets its credentials and looks only:
nothing is made, migrated or changed. So is any other integration checked that can.`,
		Example: "  backflow db check -c configs/stripe.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.dbCheck(cmd.Context(), file, dev, &out)
		}),
	}
	configFlag(cmd, &file)
	out.flag(cmd, formTable)
	cmd.Flags().BoolVar(&dev, "dev", false, "look at what `backflow dev` keeps in "+devDir+", where the config names no database")
	return cmd
}

func (p *program) dbCheck(ctx context.Context, file string, dev bool, out *output) error {
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
	var check compile.UseCheck
	if err == nil {
		notes := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		launcher := newLaunchers()
		dataDir, failed := checkedDataDir(plan, dev)
		if failed == nil {
			check, err = plan.CheckUses(ctx, launcher, dataDir, notes)
		}
		if failed = errors.Join(failed, launcher.Close()); failed != nil {
			return failed
		}
	}
	var faults config.Faults
	switch {
	case errors.As(err, &faults): // the config is wrong before anything is compared
		check.Faults = faults
	case err != nil:
		return err
	}
	if err := out.write(p.stdout, check.Faults.JSON(nil), func(w io.Writer) error { return writeUseCheck(w, file, check) }); err != nil {
		return err
	}
	var failed []error
	for _, checked := range check.Checked {
		failed = append(failed, checked.Err)
	}
	if n := len(check.Faults); n > 0 {
		failed = append(failed, errors.New(counted(n, "fault")))
	}
	return errors.Join(failed...)
}

// checkedDataDir returns where plugins keep files that the config does not place: with
// dev, or where `serve` has never run and `dev` has run this config here, those of `dev`.
func checkedDataDir(plan *compile.Plan, dev bool) (string, error) {
	served := filepath.Join(plan.Config.BaseDir, "data")
	kept, err := filepath.Abs(devDir)
	if err != nil || dev {
		return kept, err
	}
	if _, err := os.Stat(served); !errors.Is(err, fs.ErrNotExist) {
		return served, nil
	}
	saved, err := readDevState(kept)
	if path, absErr := filepath.Abs(plan.Config.Path); err == nil && absErr == nil && saved.Config == path {
		return kept, nil
	}
	return served, nil
}

// writeUseCheck writes the faults, and how much was checked.
func writeUseCheck(w io.Writer, file string, check compile.UseCheck) error {
	var lines []string
	for _, fault := range check.Faults {
		lines = append(lines, fault.String())
	}
	for _, checked := range check.Checked {
		if checked.Err == nil {
			lines = append(lines, fmt.Sprintf("%s: %s of %s checked", file, counted(checked.Uses, "use"), checked.Integration))
		}
	}
	if len(lines) == 0 && len(check.Checked) == 0 {
		lines = append(lines, file+": no integration that it names can check how it is used")
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// counted is "1 fault" or "2 faults".
func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
