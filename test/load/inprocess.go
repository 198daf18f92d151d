package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis"
	"github.com/backflow/backflow/core/state/sqlite"
	"github.com/backflow/backflow/core/workflow"
)

// serveInProcess serves a gateway of the real parts, in this process so that a
// profile can be taken of it. It returns when ctx has ended.
func serveInProcess(ctx context.Context, listener net.Listener, medium medium, stubURL string) (err error) {
	integration, err := custom.New(custom.Definition{
		Name: "poster", BaseURL: stubURL, Actions: map[string]custom.Action{"post": stepAction},
	})
	if err != nil {
		return err
	}
	defer integration.Close()
	registry, err := action.NewRegistry(integration)
	if err != nil {
		return err
	}
	store, err := medium.store(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	held, err := lease.Acquire(ctx, store, lease.Options{Node: listener.Addr().String()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release(context.Background())) }()
	runs := engine.New(engine.Options{Store: store, Lease: held, Actions: registry})
	parsed, err := workflow.Parse([]byte(definition), workflow.InputRoots)
	if err != nil {
		return err
	}
	if err := runs.SetDefinitions(ctx, []*workflow.Definition{parsed}); err != nil {
		return err
	}
	everything, err := access.ParseScope("*")
	if err != nil {
		return err
	}
	// What is logged is written as a gateway writes it, to standard error.
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	ledger := idempotency.New(store, held, idempotency.Options{})
	defer ledger.Close()
	served, err := gateway.New(gateway.Options{
		Runs: runs, Ledger: ledger, Logger: log,
		Routes: gateway.Routes{
			Actions: registry, MaxBodyBytes: 1 << 20,
			Tokens: []gateway.Token{{Name: "load", Hash: tokenHash(), Scopes: []access.Scope{everything}}},
		},
	})
	if err != nil {
		return err
	}
	runs.Run()
	err = served.Serve(ctx, listener)
	return errors.Join(err, runs.Stop(context.Background()))
}

// medium is where state is kept: an SQLite file or a Redis.
type medium struct {
	path string // of a file, empty for Redis
	url  string // of a Redis, empty for a file
}

func (m medium) store(ctx context.Context) (state.Store, error) {
	if m.path != "" {
		return sqlite.Open(ctx, sqlite.Options{Path: m.path})
	}
	return redis.Open(ctx, redis.Options{URL: m.url})
}

func (m medium) journal() (journal, error) {
	if m.path != "" {
		return openSQLiteFloor(m.path)
	}
	return openRedisFloor(m.url)
}

// config is the state section of a gateway's config.
func (m medium) config() map[string]any {
	if m.path != "" {
		return map[string]any{"url": "sqlite://" + m.path}
	}
	return map[string]any{"url": m.url}
}
