package redis

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// SetDriverLogger sends the driver's messages to a logger, at debug level, instead
// of plain text to stderr: the driver has a line for each connection that it could
// not make, and the store itself reports an outage. It changes a global of the
// driver; call it once, before Open.
func SetDriverLogger(logger *slog.Logger) { goredis.SetLogger(driverLogger{logger}) }

type driverLogger struct{ logger *slog.Logger }

// Printf implements the driver's logger.
func (l driverLogger) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, args...))
}
