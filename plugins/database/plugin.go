package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/store"
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
	store *store.Store
	// away is why the database that was open cannot be used, nil where it can.
	away error
	// watching is nil where nothing watches files.
	watching *watch
	// inspected is set where the plugin is to look only.
	inspected *inspected
}

// integration returns what is served: the plugin's parts, over p.
func (p *plugin) integration() sdk.Plugin {
	parts := append(p.actions(),
		sdk.Credentials[json.RawMessage]{Schema: databases.credentialsSchema(), Configure: p.configure},
		sdk.Health{Check: p.health},
		sdk.UseCheck{Do: p.checkUses},
	)
	return sdk.New(sdk.Info{Name: "database", Version: "0.1.0", Description: "Rows in a SQL database."}, parts...)
}

// configure opens the database, makes the table of idempotency keys and applies
// the migrations, all before the first call: a wrong migration is an error of the
// start. The context bounds all of it.
func (p *plugin) configure(ctx context.Context, entry json.RawMessage) error {
	config := sdk.ConfigFrom(ctx)
	if config.Inspect {
		p.inspect(entry, config)
		return nil
	}
	settings, err := readSettings(entry, config)
	if err != nil {
		return err
	}
	settings.Now = p.now
	opened, err := store.Create(ctx, settings)
	if err != nil {
		return startFailed(&settings, err)
	}
	doubts, err := opened.Doubts(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("database: read its settings: %w", err), opened.Close())
	}
	for _, doubt := range doubts {
		sdk.Logger(ctx).Warn("database: " + doubt)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != nil || p.watching != nil {
		return errors.Join(errors.New("database: configured twice"), opened.Close())
	}
	warnOfAccess(ctx, opened)
	p.store = opened
	if opened.InFiles() {
		p.watching = startWatch(p, settings, sdk.Logger(ctx))
	}
	return nil
}

// startFailed is the error of a start that failed: where the database may be there a little
// later, it says so, and the gateway tries again soon.
func startFailed(settings *store.Settings, err error) error {
	if !settings.IsPassing(err) {
		return err
	}
	return sdk.Refuse(sdk.CodeUnavailable, "%v", err)
}

// warnOfAccess logs what of the rules of access does not fit the database. A migration
// can mend it while the plugin runs.
func warnOfAccess(ctx context.Context, s *store.Store) {
	faults, err := s.Access(ctx)
	if err != nil {
		sdk.Logger(ctx).Warn("the rules of access cannot be held against the database", "error", err)
	}
	for _, fault := range faults {
		sdk.Logger(ctx).Warn("credentials.database: "+fault.Message, "at", fault.Pointer)
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
	open := p.store
	p.store, p.away, p.watching = nil, nil, nil
	if open == nil {
		return nil
	}
	return open.Close()
}

// health says why calls cannot succeed now.
func (p *plugin) health(context.Context) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.away != nil {
		return store.NotSound(p.away)
	}
	return nil
}
