package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

// minSecret is the least length of a text that is taken for a secret: hiding
// every "a" would protect nothing and destroy everything.
const minSecret = 4

const hidden = "***"

// redactor replaces secrets in texts. A nil redactor replaces nothing. It cannot
// be changed, so that it is safe for concurrent use.
type redactor struct {
	replacer *strings.Replacer
}

// newRedactor hides the secrets of at least min bytes, as they are and as they
// look inside JSON, Go and URLs.
func newRedactor(secrets []string, min int) *redactor {
	var forms []string
	for _, secret := range secrets {
		if len(secret) < min {
			continue
		}
		forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(fmt.Sprintf("%q", secret), `"`))
		if encoded, err := json.Marshal(secret); err == nil {
			forms = append(forms, strings.Trim(string(encoded), `"`))
		}
	}
	if len(forms) == 0 {
		return nil
	}
	// The longest first: a secret that contains another is hidden whole.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, hidden)
	}
	return &redactor{replacer: strings.NewReplacer(pairs...)}
}

func (r *redactor) text(s string) string {
	if r == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// redactingHandler hides secrets in everything that is logged through it. The
// redactor is set once the credentials are known, which is before the plugin is
// told them.
type redactingHandler struct {
	slog.Handler
	current *atomic.Pointer[redactor]
}

// Handle hides secrets in the message and in the attributes.
func (h *redactingHandler) Handle(ctx context.Context, record slog.Record) error {
	hide := h.current.Load()
	if hide == nil {
		return h.Handler.Handle(ctx, record)
	}
	clean := slog.NewRecord(record.Time, record.Level, hide.text(record.Message), record.PC)
	record.Attrs(func(attr slog.Attr) bool {
		clean.AddAttrs(hide.attr(attr))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs answers a handler that hides secrets too.
func (h *redactingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &redactingHandler{Handler: h.Handler.WithAttrs(attrs), current: h.current}
}

// WithGroup answers a handler that hides secrets too.
func (h *redactingHandler) WithGroup(name string) slog.Handler {
	return &redactingHandler{Handler: h.Handler.WithGroup(name), current: h.current}
}

func (r *redactor) attr(attr slog.Attr) slog.Attr {
	switch value := attr.Value.Resolve(); value.Kind() {
	case slog.KindString:
		return slog.String(attr.Key, r.text(value.String()))
	case slog.KindGroup:
		members := make([]any, len(value.Group()))
		for i, member := range value.Group() {
			members[i] = r.attr(member)
		}
		return slog.Group(attr.Key, members...)
	case slog.KindAny:
		return slog.String(attr.Key, r.text(fmt.Sprint(value.Any())))
	default:
		return attr
	}
}
