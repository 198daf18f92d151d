package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/visible"
)

func TestNoSecretReachesALog(t *testing.T) {
	t.Parallel()
	secrets := []string{"sk_live_1234567890", `quo"ted\secret`, "p@ss/word+1&2", "line\nbreak"}
	for _, format := range []Format{FormatJSON, FormatText} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			redactor := &Redactor{}
			redactor.Add(secrets...)
			log := NewLogger(&out, LogOptions{Format: format, Redactor: redactor})
			for _, s := range secrets {
				log.Info("message "+s, "attr", s, "error", fmt.Errorf("call: %w", errors.New(s)))
				log.With("with", s).WithGroup("group").Info("m", "any", map[string]string{s: s}, "struct", struct{ S string }{s})
			}
			for _, s := range secrets {
				one := newSecretSet([]secret{newSecret(s)})
				if found := one.search(out.String()); len(found) > 0 {
					t.Errorf("%q is in the log:\n%s", s, out.String())
				}
			}
			if format == FormatJSON {
				for line := range strings.Lines(out.String()) {
					if !json.Valid([]byte(line)) {
						t.Errorf("not JSON: %s", line)
					}
				}
			}
		})
	}
}

func TestAHandlerHidesSecretsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := &Redactor{}
	logger := slog.New(r.Handler(slog.NewTextHandler(&out, nil)))
	r.Add("s3cr3t") // also one that was not known when the logger was made
	logger.With("plugin", "p", "key", "s3cr3t").WithGroup("g").Info("a s3cr3t", "text", "s3cr3t", "n", 1, "any", []string{"s3cr3t"},
		slog.Group("inner", "error", errors.New("s3cr3t")))
	for _, part := range []string{`msg="a ***"`, "plugin=p", "key=***", "g.text=***", "g.n=1", "g.any=[***]", "g.inner.error=***"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%s does not hold %s", out.String(), part)
		}
	}
	if strings.Contains(out.String(), "s3cr3t") {
		t.Errorf("got %s", out.String())
	}
}

func TestLogsCarryTheRequestID(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := NewLogger(&out, LogOptions{})
	log.InfoContext(WithRequestID(context.Background(), "req-1"), "with")
	log.Info("without")
	log.Debug("below the level")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"requestId":"req-1"`) || strings.Contains(lines[1], "requestId") {
		t.Errorf("log:\n%s", out.String())
	}
}

func TestLevelCanBeChanged(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	level := &slog.LevelVar{}
	log := NewLogger(&out, LogOptions{Level: level, Format: FormatText})
	level.Set(slog.LevelDebug)
	log.Debug("now seen")
	if !strings.Contains(out.String(), "now seen") {
		t.Error(out.String())
	}
}

func TestValidRequestID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"":                                       false,
		"a":                                      true,
		"with space":                             false,
		"tab\t":                                  false,
		"line\nbreak":                            false,
		"ümlaut":                                 false,
		"\x7f":                                   false,
		strings.Repeat("x", MaxRequestIDLen):     true,
		strings.Repeat("x", MaxRequestIDLen+1):   false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-01": true,
	} {
		if got := ValidRequestID(id); got != want {
			t.Errorf("ValidRequestID(%q) = %v", id, got)
		}
	}
	if a, b := NewRequestID(), NewRequestID(); a == b || !ValidRequestID(a) {
		t.Errorf("made ids %q and %q", a, b)
	}
}

func TestNothingThatATerminalObeysReachesALog(t *testing.T) {
	t.Parallel()
	const text = "a\x1b[2Jb\u202egpj.exe\u2028\u009b31m\u200b\r\nlevel=ERROR\x7f"
	for _, format := range []Format{FormatJSON, FormatText} {
		var out strings.Builder
		log := NewLogger(&out, LogOptions{Format: format})
		log.Info(text, "attr", text, "error", errors.New(text), text, 1)
		log.With("with", text).WithGroup(text).Info("m", "any", map[string]string{text: text}, "lines", []string{text})
		if strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), visible.Unsafe) || strings.Count(out.String(), "\n") != 2 {
			t.Errorf("%s: %q", format, out.String())
		}
		if format == FormatText {
			continue
		}
		for line := range strings.Lines(out.String()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Errorf("not JSON: %v: %s", err, line)
			}
			if attr, logged := record["attr"]; logged && attr != text {
				t.Errorf("the attribute is %q", attr)
			}
		}
	}
}

func TestTimesInTheLogHaveOneWidth(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{FormatJSON, FormatText} {
		var log bytes.Buffer
		at := time.Date(2026, 1, 31, 12, 0, 0, 100_000_000, time.FixedZone("", 3600))
		NewLogger(&log, LogOptions{Format: format}).Info("x", "tick", at, slog.Group("g", "tick", at))
		if n := strings.Count(log.String(), "2026-01-31T11:00:00.100Z"); n != 2 {
			t.Errorf("%s", log.String())
		}
		if !regexp.MustCompile(`^(\{"time":"|time=)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`).MatchString(log.String()) {
			t.Errorf("%s", log.String())
		}
	}
}
