package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheJSONHandlerKeepsTheRulesOfSlog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return NewLogger(&out, LogOptions{}).Handler()
	}, func(t *testing.T) map[string]any {
		return decoded(t, out.String())
	})
}

// brokenMarshaler panics where it is nil, as methods of most types do.
type brokenMarshaler struct{ text string }

func (b *brokenMarshaler) MarshalJSON() ([]byte, error) { return []byte(b.text), nil }

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

type resolves struct{ v slog.Value }

func (r resolves) LogValue() slog.Value { return r.v }

// What slog writes is the oracle: our handler has no format of its own.
func TestALineSaysWhatThatOfSlogSays(t *testing.T) {
	t.Parallel()
	attrs := []slog.Attr{
		slog.String("text", "a \"b\" \\ <&> \n\t\r\x00\x7f é \u2028 \xff 🙂"), slog.String("", "no name"), slog.String("twice", "1"), slog.String("twice", "2"),
		slog.Int("int", -1), slog.Int64("least", math.MinInt64), slog.Uint64("most", math.MaxUint64), slog.Bool("yes", true), slog.Bool("no", false),
		slog.Float64("zero", 0), slog.Float64("minus zero", math.Copysign(0, -1)), slog.Float64("half", .5), slog.Float64("third", 1.0/3), slog.Float64("large", 1e20),
		slog.Float64("larger", 1e21), slog.Float64("small", 1e-6), slog.Float64("smaller", 1e-7), slog.Float64("minus", -123.456), slog.Float64("greatest", math.MaxFloat64),
		slog.Float64("NaN", math.NaN()), slog.Float64("Inf", math.Inf(1)),
		slog.Duration("took", 1500*time.Millisecond), slog.Time("at", time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))),
		slog.Any("nothing", nil), slog.Any("error", errors.New("it <broke>")), slog.Any("raw", json.RawMessage(`{"a": [1.50]}`)), slog.Any("cut", json.RawMessage(`{"a"`)),
		slog.Any("struct", struct{ A, B string }{"<", "é"}), slog.Any("map", map[string]any{"b": 1, "a": []string{"x"}}), slog.Any("channel", make(chan int)),
		slog.Any("bytes", []byte("abc")), slog.Any("nil marshaler", (*brokenMarshaler)(nil)), slog.Any("marshaler", &brokenMarshaler{`"x"`}), slog.Any("panics", panics{}),
		slog.Any("resolves", resolves{slog.IntValue(7)}), slog.Any("into a group", resolves{slog.GroupValue(slog.Int("n", 1))}),
		slog.Group("group", slog.Int("n", 1), slog.Group("inner", slog.String("s", "x")), slog.Group("empty")), slog.Group("", slog.Int("inline", 1)),
		slog.Group("empty"), slog.Group("only empty", slog.Group("a"), slog.Attr{}), {},
	}
	for i, attr := range attrs {
		sameLine(t, func(log *slog.Logger) { log.LogAttrs(t.Context(), slog.LevelInfo, attr.Key, attr) })
		sameLine(t, func(log *slog.Logger) {
			log.With(attr).WithGroup("g").With(slog.Group("h")).WithGroup(attr.Key).With(attr).Warn("message", "k", 1, "attr", attrs[(i+1)%len(attrs)])
		})
		sameLine(t, func(log *slog.Logger) {
			log.With("a", 1).WithGroup("g").WithGroup("h").LogAttrs(t.Context(), slog.LevelDebug+1, "", attr)
		})
	}
	sameLine(t, func(log *slog.Logger) { log.LogAttrs(t.Context(), slog.LevelError, "all", attrs...) })
	sameLine(t, func(log *slog.Logger) {
		parent := log.With("a", 1).WithGroup("g").With("b", 2)
		parent.With("of another", 1).WithGroup("other") // leaves the parent as it is
		parent.Info("of the parent")
	})
	sameLine(t, func(log *slog.Logger) {
		_ = log.Handler().Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelInfo, "without a time", 0))
	})
}

func FuzzALineSaysWhatThatOfSlogSays(f *testing.F) {
	f.Add("message", "group", "key", "value", 1.5, int64(1))
	f.Add("", "", "", "", math.Inf(-1), int64(math.MinInt64))
	f.Add("\xff\u2028", "\"", "time", "{", 1e21, int64(0))
	f.Fuzz(func(t *testing.T, message, group, key, text string, number float64, integer int64) {
		sameLine(t, func(log *slog.Logger) {
			log.With(key, number).WithGroup(group).With(group, integer).Info(message, key, text, text, number, slog.Group(group, key, text), key, []any{text, integer})
		})
	})
}

// sameLine has two loggers write the same, ours and one of slog.
func sameLine(t *testing.T, write func(*slog.Logger)) {
	t.Helper()
	var ours, theirs strings.Builder
	level := slog.LevelDebug
	write(NewLogger(&ours, LogOptions{Level: level}))
	write(slog.New(slog.NewJSONHandler(&theirs, &slog.HandlerOptions{Level: level, ReplaceAttr: fixedTime})))
	got, want := decoded(t, ours.String()), decoded(t, theirs.String())
	delete(got, "time")
	delete(want, "time")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-slog's +ours):\n%s\n%s%s", diff, theirs.String(), ours.String())
	}
	if got, want := keysIn(t, ours.String()), keysIn(t, theirs.String()); !cmp.Equal(got, want) {
		t.Errorf("the members are in the order %q, slog's in %q", got, want)
	}
}

// decoded decodes one line of JSON, with numbers as they are written.
func decoded(t *testing.T, line string) map[string]any {
	t.Helper()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Fatalf("not one line: %q", line)
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		t.Fatalf("not JSON: %v: %s", err, line)
	}
	return members
}

// keysIn returns all strings of a line, keys among them, in their order.
func keysIn(t *testing.T, line string) []string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber()
	var keys []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		if key, ok := token.(string); ok {
			if _, err := time.Parse(time.RFC3339, key); err != nil { // of the record
				keys = append(keys, key)
			}
		}
	}
}

// BenchmarkAccessLine is a line of the access log, without the write.
func BenchmarkAccessLine(b *testing.B) {
	redactor := &Redactor{}
	redactor.Add("sk_test_0123456789abcdef", "whsec_0123456789abcdef")
	log := NewLogger(io.Discard, LogOptions{Redactor: redactor})
	ctx := WithRequestID(context.Background(), NewRequestID())
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(ctx, slog.LevelInfo, "request",
			slog.String("method", "POST"), slog.String("path", "/integrations/stripe/payment-intents"),
			slog.Int("status", 200), slog.Int64("bytes", 1988), slog.Float64("durationMs", 1.234),
			slog.String("client", "127.0.0.1"), slog.String("token", "load"))
	}
}
