package sdk

import (
	"context"
	"log/slog"
)

type loggerKey struct{}

// Logger returns the logger of the call that ctx belongs to. What is written to
// it comes out as the gateway's own log, with the plugin's name and the request
// id of the call. Never log a secret or a whole payload. Outside of a call, and
// in tests, it is slog.Default.
func Logger(ctx context.Context) *slog.Logger {
	if logger, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return logger
	}
	return slog.Default()
}

// WithLogger returns a context for which Logger returns logger.
func WithLogger(ctx context.Context, logger *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, logger)
}
