package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk/gcpace"
)

func (p *program) serveCommand() *cobra.Command {
	var file, listen string
	var level logLevel
	cmd := &cobra.Command{
		Use:   "serve [-c FILE]",
		Short: "Run the gateway",
		Long: `Run the gateway. SIGTERM and SIGINT drain it: requests and calls that are under
way finish, and runs go on where they are when a gateway starts again. SIGHUP, or
a change of a file of the config, puts the new config in force.`,
		Example: "  backflow serve -c backflow.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.serve(cmd.Context(), file, listen, &level)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on, over server.listen")
	level.flag(cmd)
	return cmd
}

// spareHeap is how many bytes a gateway may allocate between two collections.
const spareHeap = 32 << 20

func (p *program) serve(ctx context.Context, file, listen string, level *logLevel) (err error) {
	gcpace.Tune(spareHeap, p.lookupEnv)
	signals, stop := sighup()
	defer stop()
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv})
	if err != nil {
		return err
	}
	launchers := newLaunchers()
	defer func() { err = errors.Join(err, launchers.Close()) }()
	if err := plan.Refusal(ctx, launchers); err != nil {
		return err
	}
	redactor := &telemetry.Redactor{}
	lines := telemetry.NewLines(p.stderr)
	defer func() { _ = lines.Close() }() // where the log cannot be written, there is nowhere to say so
	log := telemetry.NewLogger(lines, telemetry.LogOptions{Redactor: redactor, Level: level.begin(plan)})
	if len(plan.Config.Auth.Tokens) == 0 {
		log.Warn("the config has no auth.tokens: nobody may use anything but webhooks (backflow token new makes one)")
	}
	dataDir := filepath.Join(plan.Config.BaseDir, "data")
	s, err := startServer(ctx, plan, cmp.Or(listen, plan.Config.Server.Listen), server.Options{
		OpenStore: storeOpener(filepath.Join(dataDir, "state.db"), log),
		Launcher:  launchers, DataDir: dataDir, Sighup: signals, Logger: log, LogLevel: level.fromConfig(), Redactor: redactor,
	})
	if err != nil {
		return unlessStopped(ctx, err, log)
	}
	log.Info("listening", "address", s.Addr().String(), "version", version)
	return s.Serve(ctx)
}

// defaultConfig is the config of a command that cannot do without one.
const defaultConfig = "backflow.json"

// configFlag adds -c to a command that needs a config: without the flag it is
// defaultConfig, if there is that.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "config file (default: "+defaultConfig+")")
	configFiles(cmd)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *file != "" {
			return nil
		}
		if _, err := os.Stat(defaultConfig); err != nil {
			return fmt.Errorf("which config is meant? Give -c FILE: there is no %s here", defaultConfig)
		}
		*file = defaultConfig
		return nil
	}
}

// configFiles has a shell propose what may be a config for -c.
func configFiles(cmd *cobra.Command) {
	if err := cmd.MarkFlagFilename("config", "json", "jsonc"); err != nil {
		panic(err) // the flag is defined by the caller
	}
}
