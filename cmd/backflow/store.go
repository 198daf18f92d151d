package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis"
	"github.com/backflow/backflow/core/state/sqlite"
)

// storeOpeners open the state store of a config, by its backend: for SQLite a file
// at the path given where the config names none.
var storeOpeners = map[string]func(ctx context.Context, cfg config.State, defaultPath string, log *slog.Logger) (state.Store, error){
	"sqlite": openSQLite,
	"redis":  openRedis,
}

// storeOpener returns what opens the state store of a config.
func storeOpener(defaultPath string, log *slog.Logger) func(context.Context, config.State) (state.Store, error) {
	return func(ctx context.Context, cfg config.State) (state.Store, error) {
		return openStore(ctx, cfg, defaultPath, log)
	}
}

func openStore(ctx context.Context, cfg config.State, defaultPath string, log *slog.Logger) (state.Store, error) {
	backend := cfg.Backend
	if backend == "" {
		backend = config.Backends()[0]
	}
	open, ok := storeOpeners[backend]
	if !ok {
		return nil, fmt.Errorf("state store: nothing opens %s", backend)
	}
	store, err := open(ctx, cfg, defaultPath, log)
	if err != nil {
		return nil, fmt.Errorf("state store: %w", err)
	}
	return store, nil
}

func openSQLite(ctx context.Context, cfg config.State, defaultPath string, log *slog.Logger) (state.Store, error) {
	path := cfg.Path
	if path == "" {
		path = defaultPath
	}
	return sqlite.Open(ctx, sqlite.Options{Path: path, Logger: log})
}

func openRedis(ctx context.Context, cfg config.State, _ string, log *slog.Logger) (state.Store, error) {
	redis.SetDriverLogger(log)
	store, err := redis.Open(ctx, redis.Options{
		URL: cfg.URL.Reveal(), AllowVolatile: cfg.AllowVolatile, Durability: cfg.Durability,
		MinReplicas: cfg.MinReplicas, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	if durability := store.Durability(); durability != "always" {
		log.Warn("Redis does not sync every write: work that was accepted in the last moments may be lost with the machine; "+
			"with appendfsync everysec up to about two seconds of it", "durability", durability)
	}
	return store, nil
}
