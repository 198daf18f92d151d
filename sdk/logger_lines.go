package sdk

import (
	"io"
	"log/slog"
)

// newLineLogger answers a logger that writes lines in the JSON form of
// hashicorp/go-hclog, which is what the gateway reads of a plugin: from a process's
// standard error, from a WASM guest by a host call. The host decides which
// levels it keeps.
func newLineLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       slog.LevelDebug,
		ReplaceAttr: hclogAttr,
	}))
}

// hclogAttr renames slog's own attributes to those of hclog.
func hclogAttr(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch attr.Key {
	case slog.TimeKey:
		return slog.String("@timestamp", attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
	case slog.MessageKey:
		return slog.String("@message", attr.Value.String())
	case slog.LevelKey:
		level, ok := attr.Value.Any().(slog.Level)
		if !ok {
			return attr
		}
		return slog.String("@level", hclogLevel(level))
	}
	return attr
}

// hclogLevel answers the hclog level at or below a slog level.
func hclogLevel(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warn"
	case level >= slog.LevelInfo:
		return "info"
	case level >= slog.LevelDebug:
		return "debug"
	}
	return "trace"
}
