package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/telemetry"
)

func (p *program) serveCommand() *cobra.Command {
	var file, listen string
	cmd := &cobra.Command{
		Use:   "serve -c FILE",
		Short: "Run the gateway",
		Long: `Run the gateway. SIGTERM and SIGINT drain it: requests and calls that are under
way finish, and runs go on where they are when a gateway starts again. SIGHUP, or
a change of a file of the config, puts the new config in force.`,
		Example: "  backflow serve -c backflow.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			collectSeldom(p.lookupEnv)
			hup, stop := hangups()
			defer stop()
			options := config.Options{LookupEnv: p.lookupEnv}
			l, err := load(file, options)
			if err != nil {
				return err
			}
			if err := l.refusal(cmd.Context()); err != nil {
				return err
			}
			s := settings{listen: listen, options: options, redactor: &telemetry.Redactor{}, hangups: hup}
			s.log = telemetry.NewLogger(p.stderr, telemetry.LogOptions{Redactor: s.redactor})
			s.dataDir = filepath.Join(l.config.BaseDir, "data")
			s.statePath = filepath.Join(s.dataDir, "state.db")
			if len(l.config.Auth.Tokens) == 0 {
				s.log.Warn("the config has no auth.tokens: nobody may use anything but webhooks (backflow token new makes one)")
			}
			a, err := newApp(cmd.Context(), l, s)
			if err != nil {
				return unlessStopped(cmd.Context(), err, s.log)
			}
			s.log.Info("listening", "address", a.listener.Addr().String(), "version", version)
			return a.serve(cmd.Context())
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on, over server.listen")
	return cmd
}

// unlessStopped is the error of a start, or nil where the start failed only for
// the program was told to stop: then it did what it was told.
func unlessStopped(ctx context.Context, err error, log *slog.Logger) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("stopped before the start was complete")
	return nil
}

// configFlag adds -c, which the command cannot do without.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "config file")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag is defined right above
	}
}
