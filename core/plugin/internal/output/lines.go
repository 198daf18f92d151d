package output

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxLine bounds one log line, in bytes. A longer one is cut into several.
	maxLine = 64 << 10
	// maxLinesPerSecond bounds what one plugin can make the gateway log: forked
	// outputs share the bound.
	maxLinesPerSecond = 1000
)

// Lines makes log records of a plugin's output: lines in the JSON form of
// hashicorp/go-hclog with their level and attributes, all others as they are. It is
// safe for concurrent use.
type Lines struct {
	logger *slog.Logger
	tail   *Tail
	attrs  func() []any
	rate   *rate

	mu       sync.Mutex // guards what follows
	partial  []byte
	panicked bool
}

// NewLines returns lines that go to logger. tail, which may be nil, gets the output
// as well.
func NewLines(logger *slog.Logger, tail *Tail) *Lines {
	return &Lines{logger: logger, tail: tail, rate: &rate{}}
}

// Fork returns lines for another output of the same plugin, which share the bound on
// what a plugin may log. attrs, which may be nil, returns what is added to each
// record. It is called while a record is written.
func (l *Lines) Fork(tail *Tail, attrs func() []any) *Lines {
	return &Lines{logger: l.logger, tail: tail, attrs: attrs, rate: l.rate}
}

// Write takes output as it comes. It never fails and never blocks for long, so that
// printing does not delay a plugin.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tail != nil {
		l.tail.Write(p)
	}
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.partial = append(l.partial, p...)
			p = nil
		} else {
			l.partial = append(l.partial, p[:end]...)
			p = p[end+1:]
		}
		for len(l.partial) > maxLine {
			l.line(l.partial[:maxLine])
			l.partial = append(l.partial[:0], l.partial[maxLine:]...)
		}
		if end >= 0 {
			l.line(l.partial)
			l.partial = l.partial[:0]
		}
	}
	return n, nil
}

// Flush logs a last line that has no end.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.partial)
	l.partial = nil
}

func (l *Lines) line(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 || !l.rate.allowed(l.logger) {
		return
	}
	var more []any
	if l.attrs != nil {
		more = l.attrs()
	}
	if level, message, attrs, ok := parseLine(line); ok {
		l.logger.Log(context.Background(), level, message, append(attrs, more...)...)
		return
	}
	text := strings.ToValidUTF8(string(line), "\uFFFD")
	// The Go runtime writes this when it dies. All that follows belongs to it.
	if strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
		l.panicked = true
	}
	if l.panicked {
		l.logger.Error(text, more...)
	} else {
		l.logger.Info(text, more...)
	}
}

// rate bounds the lines of a second.
type rate struct {
	mu       sync.Mutex // guards what follows
	second   time.Time
	inSecond int
}

// allowed counts a line, and says once a second how many were left out.
func (r *rate) allowed(logger *slog.Logger) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.second) >= time.Second {
		if dropped := r.inSecond - maxLinesPerSecond; dropped > 0 {
			logger.Warn("the plugin logs too much: lines were left out", "lines", dropped)
		}
		r.second, r.inSecond = now, 0
	}
	r.inSecond++
	return r.inSecond <= maxLinesPerSecond
}

// reserved are the fields of a record that only the gateway sets. Most readers of
// JSON take the last of two fields of one name.
var reserved = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey, "plugin"}

// parseLine reads one line of hclog's JSON. The attributes are sorted by name.
func parseLine(line []byte) (level slog.Level, message string, attrs []any, ok bool) {
	if line[0] != '{' {
		return 0, "", nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return 0, "", nil, false
	}
	message, ok = fields["@message"].(string)
	if !ok {
		return 0, "", nil, false
	}
	name, _ := fields["@level"].(string)
	names := make([]string, 0, len(fields))
	for name := range fields {
		if !strings.HasPrefix(name, "@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		key := name
		if slices.Contains(reserved, name) {
			key = "its." + name
		}
		attrs = append(attrs, slog.String(key, text(fields[name])))
	}
	return slogLevel(name), message, attrs, true
}

// text writes a JSON value for a log.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

// slogLevel returns slog's level for hclog's, Info for an unknown one.
func slogLevel(name string) slog.Level {
	switch name {
	case "trace":
		return slog.LevelDebug - 4
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// Log writes the gateway's own record about the plugin, as an error. It is counted
// like the plugin's records, because a plugin can cause as many.
func (l *Lines) Log(message string, args ...any) {
	if !l.rate.allowed(l.logger) {
		return
	}
	if l.attrs != nil {
		args = append(args, l.attrs()...)
	}
	l.logger.Error(message, args...)
}

// Record logs one line that is whole by itself.
func (l *Lines) Record(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(line)
}
