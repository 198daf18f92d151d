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

// storeOpener returns what opens the state store of a config: an SQLite file at
// the path given where the config names none.
func storeOpener(defaultPath string, log *slog.Logger) func(context.Context, config.State) (state.Store, error) {
	return func(ctx context.Context, cfg config.State) (state.Store, error) {
		return openStore(ctx, cfg, defaultPath, log)
	}
}

func openStore(ctx context.Context, cfg config.State, defaultPath string, log *slog.Logger) (state.Store, error) {
	if cfg.Backend == "redis" {
		redis.SetDriverLogger(log)
		store, err := redis.Open(ctx, redis.Options{
			URL: cfg.URL.Reveal(), AllowVolatile: cfg.AllowVolatile, Durability: cfg.Durability,
			MinReplicas: cfg.MinReplicas, Logger: log,
		})
		if err != nil {
			return nil, fmt.Errorf("state store: %w", err)
		}
		if durability := store.Durability(); durability != "always" {
			log.Warn("Redis does not sync every write: work that was accepted in the last moments may be lost with the machine; "+
				"with appendfsync everysec up to about two seconds of it", "durability", durability)
		}
		return store, nil
	}
	path := cfg.Path
	if path == "" {
		path = defaultPath
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: path, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("state store: %w", err)
	}
	return store, nil
}
