package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk"
)

// plugin is the integration "database". It is safe for concurrent use. Close it
// after use.
type plugin struct {
	// now is the clock by which idempotency keys grow old.
	now func() time.Time

	// checkEvery is the pause between two looks at the database's files; zero is
	// checkInterval.
	checkEvery time.Duration
	// end ends the process; a test has its own.
	end func(reason error)

	// mu guards the fields below. Calls hold it for reading, so that Close waits for
	// them.
	mu sync.RWMutex
	// store is nil until configure succeeded, and while the database is away.
	store *store
	// away is why the database that was open cannot be used, nil where it can.
	away error
	// watching is nil where nothing watches files.
	watching *watch
}

// integration returns what is served: the plugin's parts, over p.
func (p *plugin) integration() sdk.Plugin {
	return sdk.New(sdk.Info{Name: "database", Version: "0.1.0", Description: "Rows in a SQL database."},
		sdk.Credentials[json.RawMessage]{Schema: databases.credentialsSchema(), Configure: p.configure},
		p.insertAction(),
		sdk.Health{Check: p.health},
	)
}

// configure opens the database, makes the table of idempotency keys and applies
// the migrations, all before the first call: a wrong migration is an error of the
// start. The context bounds all of it.
func (p *plugin) configure(ctx context.Context, entry json.RawMessage) error {
	settings, err := readSettings(entry, sdk.ConfigFrom(ctx))
	if err != nil {
		return err
	}
	opened, err := create(ctx, settings, p.now)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != nil || p.watching != nil {
		return errors.Join(errors.New("database: configured twice"), opened.close())
	}
	p.store = opened
	if opened.files != nil {
		p.watching = startWatch(p, settings, sdk.Logger(ctx))
	}
	return nil
}

// action is an action that reads its params strictly itself, and whose result is
// the JSON that was recorded under the key.
type action = sdk.Action[json.RawMessage, json.RawMessage]

// do returns the Do of an action that is a method of store. The method is called
// with the call's idempotency key and params; its errors are *sdk.Error.
func (p *plugin) do(run func(s *store, ctx context.Context, key string, params json.RawMessage) ([]byte, error)) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
		p.mu.RLock()
		defer p.mu.RUnlock()
		if p.away != nil {
			return nil, notSound(p.away)
		}
		if p.store == nil {
			return nil, sdk.Refuse(sdk.CodeUnavailable, "the database is not configured")
		}
		key := sdk.CallFrom(ctx).IdempotencyKey
		if len(key) > maxKeyLength {
			return nil, sdk.Refuse(sdk.CodeInvalidParams, "the idempotency key is longer than %d bytes", maxKeyLength)
		}
		return run(p.store, ctx, key, params)
	}
}

// Close waits for calls under way and closes the database. It may be called
// twice, and before configure.
func (p *plugin) Close() error {
	p.mu.RLock()
	watching := p.watching
	p.mu.RUnlock()
	if watching != nil {
		watching.stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	store := p.store
	p.store, p.away, p.watching = nil, nil, nil
	if store == nil {
		return nil
	}
	return store.close()
}

// health says why calls cannot succeed now.
func (p *plugin) health(context.Context) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.away != nil {
		return notSound(p.away)
	}
	return nil
}
