package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/backflow/backflow/core/visible"
	"github.com/backflow/backflow/sdk/value"
)

// jsonHandler writes each record as one line of JSON, in one Write. It writes what
// slog.JSONHandler does, but for times, which are those of fixedTime, and for the
// request id of the context, which is the last attribute of each record. Each request
// is a line: what slog takes for that was an eighth of all that the gateway does.
type jsonHandler struct {
	out   *lineWriter
	level slog.Leveler
	// given are the attributes of WithAttrs, as each line has them, with the groups
	// that they opened.
	given []byte
	// groups are those of WithGroup, of which so many were opened.
	groups []string
	opened int
}

var _ slog.Handler = (*jsonHandler)(nil)

// lineWriter writes lines, one at a time.
type lineWriter struct {
	redactor *Redactor

	mu sync.Mutex // guards w
	w  io.Writer
}

// write writes a line without secrets, and with escapes for what a terminal would
// obey or hide: JSON itself demands that of the characters below U+0020 alone.
func (o *lineWriter) write(line []byte, level slog.Level) error {
	if !visible.Plain(line) {
		line = []byte(visible.JSON(string(line)))
	}
	line = o.redactor.bytes(line)
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.w.Write(line); err != nil {
		return err
	}
	if held, ok := o.w.(*Lines); ok && level >= slog.LevelWarn {
		return held.Flush()
	}
	return nil
}

// lineBuffers are for lines. One that has grown large is not kept.
var lineBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 1<<10)) }}

const largeLine = 16 << 10

// Enabled reports whether records of a level are written.
func (h *jsonHandler) Enabled(_ context.Context, level slog.Level) bool {
	least := slog.LevelInfo
	if h.level != nil {
		least = h.level.Level()
	}
	return level >= least
}

// Handle writes a record.
func (h *jsonHandler) Handle(ctx context.Context, record slog.Record) error {
	buffer, _ := lineBuffers.Get().(*[]byte)
	line := append((*buffer)[:0], '{')
	if !record.Time.IsZero() {
		line = appendTime(append(line, `"time":`...), record.Time)
		line = append(line, ',')
	}
	line = append(line, `"level":"`...)
	line = append(line, record.Level.String()...)
	line = append(line, `","msg":`...)
	line = value.AppendString(line, record.Message)
	if len(h.given) > 0 {
		line = append(line, ',')
		line = append(line, h.given...)
	}
	line, opened := h.appendAll(line, func(line []byte) []byte {
		record.Attrs(func(attr slog.Attr) bool {
			line = appendAttr(line, attr)
			return true
		})
		if id := RequestID(ctx); id != "" {
			line = value.AppendString(appendKey(line, "requestId"), id)
		}
		return line
	})
	for range opened + 1 {
		line = append(line, '}')
	}
	line = append(line, '\n')
	err := h.out.write(line, record.Level)
	if cap(line) <= largeLine {
		*buffer = line
		lineBuffers.Put(buffer)
	}
	return err
}

// WithAttrs returns a handler whose records have attributes before their own.
func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	further := *h
	further.given, further.opened = h.appendAll(slices.Clone(h.given), func(given []byte) []byte {
		for _, attr := range attrs {
			given = appendAttr(given, attr)
		}
		return given
	})
	return &further
}

// WithGroup returns a handler whose records have their attributes in a group.
func (h *jsonHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	further := *h
	further.groups = append(slices.Clip(h.groups), name)
	return &further
}

// appendAll appends what members appends, within the groups that are not yet open, and
// returns how many are open then. Where members appends nothing, no group is opened.
func (h *jsonHandler) appendAll(dst []byte, members func([]byte) []byte) ([]byte, int) {
	before := len(dst)
	for _, group := range h.groups[h.opened:] {
		dst = append(appendKey(dst, group), '{')
	}
	begun := len(dst)
	if dst = members(dst); len(dst) == begun {
		return dst[:before], h.opened
	}
	return dst, len(h.groups)
}

// appendKey appends the name of a member, and before it what separates members.
func appendKey(dst []byte, key string) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(value.AppendString(dst, key), ':')
}

// appendAttr appends an attribute as a member of an object. Groups that are empty, and
// attributes without key and value, are left out; the members of a group without a name
// stand in its place.
func appendAttr(dst []byte, attr slog.Attr) []byte {
	attr.Value = attr.Value.Resolve()
	if attr.Key == "" && attr.Equal(slog.Attr{}) {
		return dst
	}
	if attr.Value.Kind() != slog.KindGroup {
		return appendValue(appendKey(dst, attr.Key), attr.Value)
	}
	before := len(dst)
	if attr.Key != "" {
		dst = append(appendKey(dst, attr.Key), '{')
	}
	begun := len(dst)
	for _, member := range attr.Value.Group() {
		dst = appendAttr(dst, member)
	}
	switch {
	case len(dst) == begun:
		return dst[:before]
	case attr.Key != "":
		return append(dst, '}')
	default:
		return dst
	}
}

// appendValue appends a value that is no group.
func appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return value.AppendString(dst, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(dst, int64(v.Duration()), 10)
	case slog.KindTime:
		return appendTime(dst, v.Time())
	case slog.KindFloat64:
		// Others are written with an exponent, or are no JSON.
		if f := v.Float64(); f == 0 || 1e-6 <= math.Abs(f) && math.Abs(f) < 1e21 {
			return strconv.AppendFloat(dst, f, 'f', -1, 64)
		}
	}
	return appendAny(dst, v.Any())
}

// appendTime appends a time in UTC and in one width.
func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), value.TimeFormat), '"')
}

// appendAny appends what encoding/json makes of a value, or the text of an error. What
// cannot be written is a text that says so, also where writing it panics.
func appendAny(dst []byte, v any) (line []byte) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if held := reflect.ValueOf(v); held.Kind() == reflect.Pointer && held.IsNil() {
			line = append(dst, "null"...) // a method of what the nil pointer does not hold
			return
		}
		line = value.AppendString(dst, fmt.Sprintf("!PANIC: %v", p))
	}()
	if err, ok := v.(error); ok {
		if _, marshals := v.(json.Marshaler); !marshals {
			return value.AppendString(dst, err.Error())
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return value.AppendString(dst, "!ERROR:"+err.Error())
	}
	return append(dst, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}
