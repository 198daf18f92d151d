package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis"
	"github.com/backflow/backflow/core/state/sqlite"
)

// serveInProcess serves the gateway that the real program runs, in this process so
// that a profile can be taken of it. It returns when ctx has ended.
func serveInProcess(ctx context.Context, listener net.Listener, medium medium, stubURL string) error {
	text, err := configText(customConfig(medium, stubURL))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	plan, err := compile.Load("config.json", compile.Options{
		Config: config.Options{ReadFile: func(string) ([]byte, error) { return text, nil }},
	})
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s, err := server.Start(ctx, plan, server.Options{
		Listener:  listener,
		OpenStore: func(ctx context.Context, _ config.State) (state.Store, error) { return medium.store(ctx) },
		// What is logged is written as a gateway writes it, to standard error.
		Logger: slog.New(slog.NewJSONHandler(stderr, nil)),
	})
	if err != nil {
		return err
	}
	return s.Serve(ctx)
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
