package config

import (
	"fmt"
	"log/slog"
)

// redacted stands for a secret wherever one would be printed.
const redacted = "***"

// Secret is a string that cannot be printed: fmt with any verb, JSON and slog
// all give "***". The zero Secret is the empty string. It is safe for
// concurrent use.
type Secret struct {
	// A function and not a string, so that also what prints unexported fields
	// by reflection, as fmt does for a struct that holds a Secret in an
	// unexported field, cannot reach the value.
	reveal func() string
}

var (
	_ fmt.Formatter  = Secret{}
	_ fmt.Stringer   = Secret{}
	_ slog.LogValuer = Secret{}
)

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the value. Every use of a secret is a call of this method, so
// that they are easily found.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether two secrets hold the same value. It is meant for
// telling whether a config has changed, not for checking a credential: it does
// not run in constant time.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns "***".
func (Secret) String() string { return redacted }

// Format writes "***" for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) {
	// A failed write is the printer's to report.
	_, _ = f.Write([]byte(redacted))
}

// MarshalJSON returns "***" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "***".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "***".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// reveal returns the values of secrets.
func reveal(secrets []Secret) []string {
	values := make([]string, len(secrets))
	for i, s := range secrets {
		values[i] = s.Reveal()
	}
	return values
}
