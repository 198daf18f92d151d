package redis

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// SetDriverLogger sends what the driver has to say to a logger instead of plain
// text to stderr, at the level of debugging: it has a line for each connection
// that it could not make, and an outage is told by the store. It is for the
// whole process, as the driver has it; call it once, before Open.
func SetDriverLogger(logger *slog.Logger) { goredis.SetLogger(driverLogger{logger}) }

type driverLogger struct{ logger *slog.Logger }

// Printf implements the driver's logger.
func (l driverLogger) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, args...))
}
