package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/plugin"
)

// load makes a config into a plan, as compile.Load does.
func (p *program) load(file string, options config.Options) (*compile.Plan, error) {
	return compile.Load(file, compile.Options{
		Config: options, PluginDirs: installedPlugins(), WebhookProviders: p.providers, OwnsPath: gateway.OwnsPath,
		Awaiting: func(plugins []string) {
			fmt.Fprintf(p.stderr, "waiting for the manifest of %s (a plugin has %d seconds to start)\n", strings.Join(plugins, ", "), plugin.StartTimeout/time.Second)
		},
	})
}

// installedPlugins is the directory "plugins" beside the program, if there is
// one: how a release is laid out.
func installedPlugins() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	dir := filepath.Join(filepath.Dir(program), "plugins")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	return []string{dir}
}
