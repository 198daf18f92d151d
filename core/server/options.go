package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/telemetry"
)

// Options are what a server is made of beside its plan. OpenStore is required.
type Options struct {
	// Listener is where Serve takes requests. The server closes it, also where
	// Start fails. Without one there are only those of ServeHTTP.
	Listener net.Listener
	// Node names the place that this process runs at, which no two live processes
	// share. Empty is the machine and the address of Listener.
	Node string
	// OpenStore opens the state store of a config. The server closes it.
	OpenStore func(context.Context, config.State) (state.Store, error)
	// Launcher starts plugins; nil where the plan has none. It is closed by the
	// caller, after the server has stopped.
	Launcher plugin.Launcher
	// DataDir is where plugins may keep files.
	DataDir string
	// Tokens are accepted beside those of the config.
	Tokens []gateway.Token
	// WebhookSecrets returns secrets for webhooks of a plan that have none, by the
	// webhook's name: the same each time. It is also called for plans that do not come
	// in force. Nil is none.
	WebhookSecrets func(*compile.Plan) map[string]string
	// Keep is called with each plan just before that is in force; an error keeps it
	// from that. Nil does nothing.
	Keep func(*compile.Plan) error
	// Sighup asks for a reload with each signal; nil never does.
	Sighup <-chan os.Signal
	// Version is shown in metrics.
	Version string
	// Logger is the log of all parts; nil discards.
	Logger *slog.Logger
	// LogLevel is set to server.logLevel of each plan that is put in force; nil where
	// the log's level is not the config's.
	LogLevel *slog.LevelVar
	// Redactor learns the secrets of every plan that is put in force; nil learns
	// none.
	Redactor *telemetry.Redactor

	// What follows is for tests and simulations: zero values are the defaults of
	// the packages whose options they are.

	// Now is the clock of all parts but the lease, which the store judges.
	Now func() time.Time
	// LeaseTTL is how long the lease lasts without a heartbeat.
	LeaseTTL time.Duration
	// CallTimeout bounds one attempt of a step at an action.
	CallTimeout time.Duration
	// MaxRunning bounds the runs that are worked on at once.
	MaxRunning int
	// Deliveries makes the requests to destinations; nil makes them over the network.
	Deliveries http.RoundTripper
	// NewLedgerID makes the random id of an idempotency record.
	NewLedgerID func() string
}

func (o *Options) complete() error {
	if o.Listener == nil && o.Node == "" {
		return errors.New("server: a listener or the name of the node is required")
	}
	if o.OpenStore == nil {
		return errors.New("server: how the store is opened is required")
	}
	if o.Node == "" {
		o.Node = nodeName(o.Listener.Addr())
	}
	if o.WebhookSecrets == nil {
		o.WebhookSecrets = func(*compile.Plan) map[string]string { return nil }
	}
	if o.Keep == nil {
		o.Keep = func(*compile.Plan) error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Redactor == nil {
		o.Redactor = &telemetry.Redactor{}
	}
	return nil
}
