package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
)

// logLevel is the least level that a gateway logs: that of --log-level, else that of
// the config, which a reload may change.
type logLevel struct {
	current slog.LevelVar
	given   bool // by --log-level
}

// flag adds --log-level.
func (l *logLevel) flag(cmd *cobra.Command) {
	cmd.Flags().Func("log-level", "least level of what is logged, over server.logLevel: debug, info, warn or error", func(text string) error {
		level, err := config.ParseLogLevel(text)
		if err != nil {
			return err
		}
		l.current.Set(level)
		l.given = true
		return nil
	})
}

// begin returns the level for a log, as a plan has it where the flag is not given.
func (l *logLevel) begin(plan *compile.Plan) slog.Leveler {
	if !l.given {
		l.current.Set(plan.Config.Server.LogLevel)
	}
	return &l.current
}

// fromConfig returns the level for later plans to set; nil where the flag wins.
func (l *logLevel) fromConfig() *slog.LevelVar {
	if l.given {
		return nil
	}
	return &l.current
}
