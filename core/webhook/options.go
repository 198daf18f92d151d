package webhook

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/backflow/backflow/core/provider"
)

const (
	// DefaultTolerance is how far a signature's time may be from the clock.
	DefaultTolerance = 300 * time.Second
	// DefaultMaxBodyBytes bounds a body.
	DefaultMaxBodyBytes = 1 << 20
)

// Options of a Receiver. All fields before Tolerance are required.
type Options struct {
	// Intake takes in what was verified, and knows the webhook's name.
	Intake *Intake
	// Path is where the sender sends to.
	Path string
	// Provider verifies what is received; it has a name and Verify.
	Provider provider.Provider
	// Secrets are tried in order: the new one and the old one during rotation.
	// There is at least one. No secret is empty or has white space around it.
	Secrets []string

	// Tolerance is how far a signature's time may be from Now, both ways; zero
	// is DefaultTolerance.
	Tolerance time.Duration
	// MaxBodyBytes bounds a body; zero is DefaultMaxBodyBytes.
	MaxBodyBytes int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Logger gets a line for each refusal and fault; nil discards them.
	Logger *slog.Logger
	// Metrics count the requests; nil counts none.
	Metrics *Metrics
	// Respond makes the response to an event that is stored, unless its provider does;
	// nil is the gateway's own.
	Respond *Respond
	// Refusals remember the requests that are refused; nil remembers none. With
	// KeepRefused they are remembered with their bodies and with the values of headers.
	Refusals    *Refusals
	KeepRefused bool
}

// complete checks options and fills in defaults. Its errors show no secret.
func (o *Options) complete() error {
	switch {
	case o.Intake == nil:
		return errors.New("webhook: nothing takes in its events")
	case !strings.HasPrefix(o.Path, "/"):
		return fmt.Errorf("webhook %q: path %q does not start with a slash", o.Intake.Webhook(), o.Path)
	case o.Provider.Name == "" || o.Provider.Verify == nil:
		return fmt.Errorf("webhook %q: no provider", o.Intake.Webhook())
	case o.Tolerance < 0 || o.MaxBodyBytes < 0:
		return fmt.Errorf("webhook %q: a negative limit", o.Intake.Webhook())
	}
	if err := checkSecrets(o.Secrets); err != nil {
		return fmt.Errorf("webhook %q: %w", o.Intake.Webhook(), err)
	}
	if o.Tolerance == 0 {
		o.Tolerance = DefaultTolerance
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// checkSecrets returns an error for secrets that would let any sender in: every
// sender can make a signature with an empty secret.
func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return errors.New("no secret")
	}
	for i, s := range secrets {
		switch {
		case s == "":
			return fmt.Errorf("secret %d is empty", i+1)
		case strings.TrimSpace(s) != s:
			return fmt.Errorf("secret %d has white space around it", i+1)
		}
	}
	return nil
}
