package telemetry

import (
	"context"
	"fmt"
	"log/slog"
)

// Handler returns a handler that passes records on to h without the secrets: those that
// are known when a record is logged, in its message and its attributes. It is
// for a logger whose secrets are not those of the whole program; a logger of
// NewLogger has a Redactor already.
func (r *Redactor) Handler(h slog.Handler) slog.Handler { return redactingHandler{h, r} }

type redactingHandler struct {
	slog.Handler
	redactor *Redactor
}

// Handle hides secrets in the message and in the attributes.
func (h redactingHandler) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, h.redactor.String(record.Message), record.PC)
	record.Attrs(func(attr slog.Attr) bool {
		clean.AddAttrs(h.redactor.attr(attr))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs hides secrets in the attributes, and in what is logged later.
func (h redactingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, attr := range attrs {
		clean[i] = h.redactor.attr(attr)
	}
	return redactingHandler{h.Handler.WithAttrs(clean), h.redactor}
}

// WithGroup returns a handler that hides secrets too.
func (h redactingHandler) WithGroup(name string) slog.Handler {
	return redactingHandler{h.Handler.WithGroup(name), h.redactor}
}

func (r *Redactor) attr(attr slog.Attr) slog.Attr {
	switch v := attr.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(attr.Key, r.String(v.String()))
	case slog.KindGroup:
		members := make([]slog.Attr, len(v.Group()))
		for i, member := range v.Group() {
			members[i] = r.attr(member)
		}
		return slog.Attr{Key: attr.Key, Value: slog.GroupValue(members...)}
	case slog.KindAny:
		return slog.String(attr.Key, r.String(fmt.Sprint(v.Any())))
	default:
		return attr
	}
}
