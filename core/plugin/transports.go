package plugin

import (
	"context"
	"log/slog"
)

// Transports is a Launcher that chooses the transport by the plugin's file.
type Transports struct {
	// Process starts executable files, WASM those that end in FileSuffix.
	Process, WASM Launcher
}

var _ Launcher = Transports{}

// Launch starts the plugin over its transport.
func (l Transports) Launch(ctx context.Context, spec Spec, logger *slog.Logger) (Instance, error) {
	if IsWASM(spec.Path) {
		return l.WASM.Launch(ctx, spec, logger)
	}
	return l.Process.Launch(ctx, spec, logger)
}
