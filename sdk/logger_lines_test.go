package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreWhatSlogDemandsOfAHandler(t *testing.T) {
	var output bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		output.Reset()
		return newLineLogger(&output).Handler()
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(output.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, &output)
		}
		for ours, theirs := range map[string]string{"@message": slog.MessageKey, "@level": slog.LevelKey, "@timestamp": slog.TimeKey} {
			if value, ok := line[ours]; ok {
				delete(line, ours)
				line[theirs] = value
			}
		}
		return line
	})
}

// marshaler is a value that writes itself, or panics.
type marshaler struct{ panics bool }

func (m marshaler) MarshalJSON() ([]byte, error) {
	if m.panics {
		panic("at the disco")
	}
	return []byte(`{"own":1}`), nil
}

func TestValuesOfLinesAreAsSlogWritesThem(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	attrs := []any{
		"s", "a\"\n<é\x00\xff", "i", int64(math.MinInt64), "u", uint64(math.MaxUint64), "f", 1.5, "big", 1e300, "b", true,
		"d", 1500 * time.Millisecond, "t", at, "e", errors.New("no <way>"), "nil", nil, "m", map[string]any{"k": []int{1}},
		"raw", json.RawMessage(`{"n":1.50}`), "own", marshaler{}, slog.Group("g", "a", 1, slog.Group("empty"), "b", slog.GroupValue(slog.Int("c", 2))),
		"panics", marshaler{panics: true}, "none", math.NaN(),
	}
	var ours, theirs bytes.Buffer
	newLineLogger(&ours).WithGroup("w").With("x", 1).WithGroup("y").Info("m", attrs...)
	slog.New(slog.NewJSONHandler(&theirs, nil)).WithGroup("w").With("x", 1).WithGroup("y").Info("m", attrs...)
	got, want := map[string]any{}, map[string]any{}
	if err := json.Unmarshal(ours.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &ours)
	}
	if err := json.Unmarshal(theirs.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	inner := func(line map[string]any) map[string]any { return line["w"].(map[string]any)["y"].(map[string]any) }
	for _, name := range []string{"panics", "none"} {
		if text, ok := inner(got)[name].(string); !ok || text[0] != '!' {
			t.Errorf("%s is %v", name, inner(got)[name])
		}
		delete(inner(got), name)
		delete(inner(want), name)
	}
	if diff := cmp.Diff(want["w"], got["w"]); diff != "" {
		t.Error(diff)
	}
}

func TestLinesOfManyGoroutinesStayWhole(t *testing.T) {
	var output bytes.Buffer
	logger := newLineLogger(&output)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			mine := logger.With("a", "b").WithGroup("g")
			for range 100 {
				mine.Info("message", "n", 1)
			}
		})
	}
	writers.Wait()
	lines := bytes.Split(bytes.TrimSpace(output.Bytes()), []byte("\n"))
	if len(lines) != 800 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !json.Valid(line) {
			t.Fatalf("got %s", line)
		}
	}
}
