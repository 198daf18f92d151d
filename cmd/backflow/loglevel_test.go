package main

import (
	"log/slog"
	"testing"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
)

func TestTheFlagOfTheLogLevelWinsOverTheConfig(t *testing.T) {
	t.Parallel()
	plan := &compile.Plan{Config: &config.Config{Server: config.Server{LogLevel: slog.LevelWarn}}}
	for _, tt := range []struct {
		args []string
		want slog.Level
		kept bool // whatever a reload says
	}{
		{nil, slog.LevelWarn, false},
		{[]string{"--log-level", "debug"}, slog.LevelDebug, true},
		{[]string{"--log-level=info"}, slog.LevelInfo, true},
	} {
		var level logLevel
		cmd := &cobra.Command{RunE: func(*cobra.Command, []string) error { return nil }}
		level.flag(cmd)
		cmd.SetArgs(tt.args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if got := level.begin(plan).Level(); got != tt.want || (level.fromConfig() == nil) != tt.kept {
			t.Errorf("%v: %s, for later configs %v", tt.args, got, level.fromConfig())
		}
	}
	for _, wrong := range []string{"", "loud", "INFO+1", "4"} {
		var level logLevel
		cmd := &cobra.Command{SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return nil }}
		level.flag(cmd)
		cmd.SetArgs([]string{"--log-level", wrong})
		if err := cmd.Execute(); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
