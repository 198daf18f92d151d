package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestASecretCannotBePrinted(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	s := NewSecret(value)
	if s.Reveal() != value || s.IsZero() || !s.Equal(NewSecret(value)) || s.Equal(Secret{}) {
		t.Fatal("the secret does not hold its value")
	}
	type outside struct {
		Shown  Secret
		hidden Secret
	}
	holders := map[string]any{
		"value": s, "pointer": &s, "struct": outside{s, s}, "pointer to struct": &outside{s, s},
		"map": map[string]Secret{"k": s}, "slice": []Secret{s}, "error": fmt.Errorf("wrapped: %v", s),
	}
	for name, holder := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10v"} {
			if got := fmt.Sprintf(verb, holder); leaks(got, value) {
				t.Errorf("%s with %s prints %s", name, verb, got)
			}
		}
		encoded, err := json.Marshal(holder)
		if err != nil || leaks(string(encoded), value) {
			t.Errorf("%s as JSON: %s, %v", name, encoded, err)
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var out bytes.Buffer
			slog.New(handler(&out)).Info("message", "key", holder, "err", errors.New(s.String()))
			if leaks(out.String(), value) {
				t.Errorf("%s is logged as %s", name, &out)
			}
		}
	}
	if got := fmt.Sprint(s); got != redacted {
		t.Errorf("a secret prints as %s", got)
	}
}

func leaks(printed, secret string) bool {
	return strings.Contains(printed, secret) || strings.Contains(strings.ToLower(printed), fmt.Sprintf("%x", secret))
}
