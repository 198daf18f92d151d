package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk/internal/shape"
)

// newLineLogger returns a logger that writes lines in the JSON form of
// hashicorp/go-hclog, which is what the gateway reads of a plugin: from a process's
// standard error, from a WASM guest by a host call. The host decides which
// levels it keeps.
func newLineLogger(w io.Writer) *slog.Logger {
	return slog.New(&lineHandler{to: &lineWriter{w: w}})
}

// lineHandler writes what slog.JSONHandler would, with hclog's names, at a fraction
// of its cost in a guest that can be interrupted.
type lineHandler struct {
	to *lineWriter
	// given is what WithAttrs and WithGroup have written, groups how many of the
	// objects in it are open, and late the groups after it, which are written when
	// something is in them.
	given  []byte
	groups int
	late   []string
}

var _ slog.Handler = (*lineHandler)(nil)

// lineWriter writes one line at a time.
type lineWriter struct {
	buffers sync.Pool // of *[]byte

	mu sync.Mutex // guards what follows
	w  io.Writer
}

// keepLine is the largest buffer that is kept for the next line.
const keepLine = 16 << 10

// Enabled takes all that slog has a name for.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug
}

// Handle writes one line.
func (h *lineHandler) Handle(_ context.Context, record slog.Record) error {
	buffer, ok := h.to.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	line := append((*buffer)[:0], `{"@level":"`...)
	line = append(append(line, hclogLevel(record.Level)...), `","@message":`...)
	line = shape.AppendString(line, record.Message)
	if !record.Time.IsZero() {
		line = append(line, `,"@timestamp":"`...)
		line = append(record.Time.UTC().AppendFormat(line, "2006-01-02T15:04:05.000000Z07:00"), '"')
	}
	line = append(line, h.given...)
	line, groups := appendLate(line, h.late, func(line []byte) []byte {
		record.Attrs(func(attr slog.Attr) bool {
			line = appendAttr(line, attr)
			return true
		})
		return line
	})
	for range h.groups + groups {
		line = append(line, '}')
	}
	line = append(line, "}\n"...)
	if *buffer = line; cap(line) <= keepLine {
		defer h.to.buffers.Put(buffer)
	}
	// A value may log while it is written, so that only now is locked.
	h.to.mu.Lock()
	defer h.to.mu.Unlock()
	_, err := h.to.w.Write(line)
	return err
}

// WithAttrs returns a handler that adds attributes to each line.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	given, groups := appendLate(slices.Clone(h.given), h.late, func(line []byte) []byte {
		for _, attr := range attrs {
			line = appendAttr(line, attr)
		}
		return line
	})
	if len(given) > len(h.given) {
		with.given, with.groups, with.late = given, h.groups+groups, nil
	}
	return &with
}

// WithGroup returns a handler that puts all further attributes into a group.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.late = append(slices.Clone(h.late), name)
	return &with
}

// appendLate opens groups and writes what is in them, nothing where that is
// nothing. It returns how many it has opened.
func appendLate(line []byte, late []string, content func([]byte) []byte) ([]byte, int) {
	before := len(line)
	for _, name := range late {
		line = append(appendKey(line, name), '{')
	}
	opened := len(line)
	if line = content(line); len(line) == opened {
		return line[:before], 0
	}
	return line, len(late)
}

// appendAttr writes an attribute. It leaves out what slog says to leave out: the
// zero attribute, and a group without any. One without a name is not there.
func appendAttr(line []byte, attr slog.Attr) []byte {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Key == "" && value.Equal(slog.Value{}) {
			return line
		}
		return appendValue(appendKey(line, attr.Key), value)
	}
	var name []string
	if attr.Key != "" {
		name = []string{attr.Key}
	}
	line, opened := appendLate(line, name, func(line []byte) []byte {
		for _, inner := range value.Group() {
			line = appendAttr(line, inner)
		}
		return line
	})
	if opened > 0 {
		line = append(line, '}')
	}
	return line
}

// appendKey writes a name, after a comma unless it is the first of its group.
func appendKey(line []byte, key string) []byte {
	// What is given begins with a comma: on each line there is something before.
	if len(line) == 0 || line[len(line)-1] != '{' {
		line = append(line, ',')
	}
	return append(shape.AppendString(line, key), ':')
}

func appendValue(line []byte, value slog.Value) []byte {
	switch value.Kind() {
	case slog.KindString:
		return shape.AppendString(line, value.String())
	case slog.KindInt64:
		return strconv.AppendInt(line, value.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(line, value.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(line, value.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(line, int64(value.Duration()), 10)
	case slog.KindTime:
		return append(value.Time().AppendFormat(append(line, '"'), time.RFC3339Nano), '"')
	}
	return appendAny(line, value.Any())
}

// appendAny writes any other value as encoding/json has it, an error as its text,
// and of what cannot be written the reason: a log never fails its caller.
func appendAny(line []byte, value any) (written []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			written = shape.AppendString(line, fmt.Sprintf("!PANIC: %v", cause))
		}
	}()
	_, marshals := value.(json.Marshaler)
	if err, ok := value.(error); ok && !marshals {
		return shape.AppendString(line, err.Error())
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return shape.AppendString(line, "!ERROR: "+err.Error())
	}
	return append(line, bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))...)
}

// hclogLevel returns the hclog level at or below a slog level.
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
