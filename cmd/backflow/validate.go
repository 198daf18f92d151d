package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

func (p *program) validateCommand() *cobra.Command {
	var file, format string
	var allowUnset bool
	cmd := &cobra.Command{
		Use:   "validate -c FILE",
		Short: "Check a config, its workflows and its plugins, and say everything that is wrong",
		Long: `Check a config with its templates, conditions and workflows, and the actions and
params that they name against what the plugins publish. Every fault is told with
its place. No plugin is handed any credential.`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return checkFormat(format) },
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.validate(cmd.Context(), file, format, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: allowUnset})
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&format, "format", "text", "text, or json for editors and CI")
	cmd.Flags().BoolVar(&allowUnset, "allow-unset-env", false, "accept {{env.X}} and {{file:…}} that are not there")
	return cmd
}

func (p *program) validate(ctx context.Context, file, format string, options config.Options) error {
	l, err := load(file, options)
	var faults config.Faults
	switch {
	case errors.As(err, &faults): // nothing of the file could be read
	case err != nil:
		return err
	default:
		if err := l.checkPublished(ctx); err != nil {
			return err
		}
		l.faults.Sort()
		faults = l.faults
	}
	if format == "json" {
		if _, err := p.stdout.Write(faults.JSON()); err != nil {
			return err
		}
	} else if len(faults) > 0 {
		fmt.Fprintln(p.stdout, faults.Error())
	} else {
		fmt.Fprintf(p.stdout, "%s is valid\n", file)
	}
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return errors.New("1 fault")
	default:
		return fmt.Errorf("%d faults", len(faults))
	}
}

// checkPublished asks the plugins that the config names for their manifests
// and holds the config against these.
func (l *loaded) checkPublished(ctx context.Context) error {
	launcher := newLaunchers()
	var integrations []action.Integration
	for _, spec := range l.specs {
		at, named := l.references[spec.Name]
		if !named {
			continue
		}
		if _, err := os.Stat(spec.Path); errors.Is(err, fs.ErrNotExist) {
			continue // a fault of the place that names the file
		}
		manifest, err := plugin.Inspect(ctx, launcher, spec)
		if err != nil {
			at.Message = err.Error()
			l.faults = append(l.faults, at)
			continue
		}
		integrations = append(integrations, published{spec.Name, manifest})
	}
	for _, c := range l.declared {
		integrations = append(integrations, c)
	}
	registry, err := action.NewRegistry(integrations...)
	if err != nil {
		return errors.Join(err, launcher.Close())
	}
	l.check(registry)
	return launcher.Close()
}

// refusal answers everything that is wrong with a config that must not start:
// what was found already, and then what only the plugins can tell; nil if
// nothing was found.
func (l *loaded) refusal(ctx context.Context) error {
	if len(l.faults) == 0 {
		return nil
	}
	if err := l.checkPublished(ctx); err != nil {
		return errors.Join(l.err(), err)
	}
	return l.err()
}

// published is an integration of which only the manifest is known.
type published struct {
	name     string
	manifest *sdk.Manifest
}

func (p published) Name() string            { return p.name }
func (p published) Manifest() *sdk.Manifest { return p.manifest }
func (p published) Status() action.Status   { return action.Status{State: action.StateUnconfigured} }

func (p published) Execute(context.Context, sdk.Call) (sdk.Result, error) {
	return sdk.Result{}, action.Unavailable(p.name, p.Status())
}
