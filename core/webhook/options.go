package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/provider"
)

const (
	// DefaultTolerance is how far a signature's time may be from the clock.
	DefaultTolerance = 300 * time.Second
	// DefaultMaxBodyBytes bounds a body.
	DefaultMaxBodyBytes = 1 << 20
)

// Starter makes runs, as engine.Engine does.
type Starter interface {
	Start(ctx context.Context, request engine.StartRequest) (engine.Run, error)
}

// Events are the lists of received events, as event.Log.
type Events interface {
	// Sweep removes a bounded number of events that are not remembered any more.
	Sweep(ctx context.Context, now time.Time) error
}

// Options of a Receiver. All fields before Tolerance are required.
type Options struct {
	// Name is the webhook's name, without a slash.
	Name string
	// Path is where the sender sends to.
	Path string
	// Provider verifies what is received; it has a name and Verify.
	Provider provider.Provider
	// Secrets are tried in order: the new one and the old one during rotation.
	// There is at least one. No secret is empty or has white space around it.
	Secrets []string
	// Starter makes the runs of WorkflowID(Name).
	Starter Starter
	// Events are the lists of what was received.
	Events Events

	// Tolerance is how far a signature's time may be from Now, both ways; zero
	// is DefaultTolerance.
	Tolerance time.Duration
	// MaxBodyBytes bounds a body; zero is DefaultMaxBodyBytes.
	MaxBodyBytes int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// NewRunID makes ids of runs; nil is engine.NewRunID.
	NewRunID func() string
	// Logger gets a line for each refusal and fault; nil discards them.
	Logger *slog.Logger
	// Metrics count the requests; nil counts none.
	Metrics *Metrics
}

// WorkflowID is the id of the workflow that a webhook's actions are. No
// workflow of a config has a colon in its id.
func WorkflowID(name string) string { return "webhook:" + name }

// complete checks options and fills in defaults. Its errors show no secret.
func (o *Options) complete() error {
	switch {
	case o.Name == "" || strings.Contains(o.Name, "/"):
		return fmt.Errorf("webhook %q: the name must be given and hold no slash", o.Name)
	case !strings.HasPrefix(o.Path, "/"):
		return fmt.Errorf("webhook %q: path %q does not start with a slash", o.Name, o.Path)
	case o.Provider.Name == "" || o.Provider.Verify == nil:
		return fmt.Errorf("webhook %q: no provider", o.Name)
	case o.Events == nil || o.Starter == nil:
		return fmt.Errorf("webhook %q: no lists of events, or nothing that starts runs", o.Name)
	case o.Tolerance < 0 || o.MaxBodyBytes < 0:
		return fmt.Errorf("webhook %q: a negative limit", o.Name)
	}
	if err := checkSecrets(o.Secrets); err != nil {
		return fmt.Errorf("webhook %q: %w", o.Name, err)
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
	if o.NewRunID == nil {
		o.NewRunID = engine.NewRunID
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
