package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/core/plugin/wasm"
)

// launchers are all ways to run plugins.
type launchers struct {
	plugin.Transports
	process *process.Launcher
	wasm    *wasm.Launcher
}

// newLaunchers returns launchers that keep compiled plugins in the user's cache,
// where every command finds them; without one they are compiled at each start.
func newLaunchers() *launchers {
	dir, err := os.UserCacheDir()
	if err == nil {
		dir = filepath.Join(dir, "backflow", "wasm")
	}
	l := &launchers{process: process.NewLauncher(), wasm: wasm.NewLauncher(dir)}
	l.Transports = plugin.Transports{Process: l.process, WASM: l.wasm}
	return l
}

// Close is to be called when every plugin has been stopped.
func (l *launchers) Close() error { return errors.Join(l.process.Close(), l.wasm.Close()) }
