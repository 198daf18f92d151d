package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/config"
)

func (p *program) validateCommand() *cobra.Command {
	var file string
	var allowUnset bool
	var out output
	cmd := &cobra.Command{
		Use:   "validate [-c FILE]",
		Short: "Check a config, its workflows and its plugins, and say everything that is wrong",
		Long: `Check a config with its templates, conditions and workflows, and the actions and
params that they name against what the plugins publish. Every fault is told with
its place. No plugin is handed any credential.`,
		Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.validate(cmd.Context(), file, &out, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: allowUnset})
		}),
	}
	configFlag(cmd, &file)
	out.flag(cmd, formTable)
	cmd.Flags().BoolVar(&allowUnset, "allow-unset-env", false, "accept {{env.X}} and {{file:…}} that are not there")
	return cmd
}

func (p *program) validate(ctx context.Context, file string, out *output, options config.Options) error {
	plan, err := p.load(file, options)
	var faults, warnings config.Faults
	switch {
	case errors.As(err, &faults): // nothing of the file could be read
	case err != nil:
		return err
	default:
		launcher := newLaunchers()
		plan.CheckManifests(ctx, launcher)
		if err := launcher.Close(); err != nil {
			return err
		}
		plan.Faults.Sort()
		plan.Warnings.Sort()
		faults, warnings = plan.Faults, plan.Warnings
	}
	if err := out.write(p.stdout, faults.JSON(warnings), func(w io.Writer) error {
		text := file + " is valid"
		if len(faults) > 0 {
			text = faults.Error()
		}
		_, err := fmt.Fprintln(w, strings.Join(append(warnings.Warnings(), text), "\n"))
		return err
	}); err != nil {
		return err
	}
	if len(faults) > 0 {
		return errors.New(counted(len(faults), "fault"))
	}
	return nil
}
