package telemetry

import (
	"context"
	"io"
	"log/slog"

	"github.com/backflow/backflow/sdk/value"
)

// Format is how log lines are written.
type Format string

// The formats of logs.
const (
	FormatJSON Format = "json" // one object a line, for machines
	FormatText Format = "text" // key=value, for people
)

// LogOptions says what a logger writes.
type LogOptions struct {
	// Level is the least level that is written; nil is slog.LevelInfo. A
	// *slog.LevelVar can be changed later.
	Level slog.Leveler
	// Format is FormatJSON when empty.
	Format Format
	// Redactor may be nil.
	Redactor *Redactor
}

// NewLogger returns a logger that writes to w, each record in one Write; where w is
// [Lines], it has them written with a record that is a warning or worse. Records
// logged with a context that has a request id carry it as "requestId". Whatever a
// record says, nothing of it reaches a terminal as a command to it.
func NewLogger(w io.Writer, o LogOptions) *slog.Logger {
	if o.Format == FormatText {
		// It quotes what is not printable, as Go does.
		return slog.New(requestHandler{slog.NewTextHandler(o.Redactor.Writer(w), &slog.HandlerOptions{Level: o.Level, ReplaceAttr: fixedTime})})
	}
	return slog.New(&jsonHandler{out: &lineWriter{redactor: o.Redactor, w: w}, level: o.Level})
}

// fixedTime writes times in UTC and in one width.
func fixedTime(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(value.TimeFormat))
	}
	return a
}

// requestHandler adds the request id of the context to each record.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := RequestID(ctx); id != "" {
		record = record.Clone()
		record.AddAttrs(slog.String("requestId", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
