package plugin

import (
	"context"
	"log/slog"
)

// Transports is a Launcher that chooses the transport by the name of the plugin's
// file.
type Transports struct {
	// Process starts executable files, WASM those that end in FileSuffix.
	Process, WASM Launcher
}

var _ Launcher = Transports{}

// Launch starts the plugin over its transport.
func (t Transports) Launch(ctx context.Context, spec Spec, logger *slog.Logger) (Instance, error) {
	if IsWASM(spec.Path) {
		return t.WASM.Launch(ctx, spec, logger)
	}
	return t.Process.Launch(ctx, spec, logger)
}
