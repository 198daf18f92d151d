package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Plugin is the integration "database". It is safe for concurrent use. Close
// it after use.
type Plugin struct {
	now func() time.Time

	// mu guards store, which is nil until Configure succeeded. Calls hold it
	// for reading, so that Close waits for them.
	mu    sync.RWMutex
	store *store
}

var _ sdk.Plugin = (*Plugin)(nil)

// New answers a plugin that is not configured yet. Now is the clock by which
// idempotency keys grow old.
func New(now func() time.Time) *Plugin { return &Plugin{now: now} }

// Manifest answers what the plugin is.
func (*Plugin) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:        "database",
		Version:     "0.1.0",
		Description: "Rows in a SQL database.",
		Credentials: json.RawMessage(credentialsSchema),
		Actions:     []sdk.ActionSpec{insertAction()},
	}
}

// Configure opens the database, makes the table of idempotency keys and
// applies the migrations, all before the first call: a wrong migration is an
// error of the start. The context bounds all of it.
func (p *Plugin) Configure(ctx context.Context, config sdk.Config) error {
	settings, err := readSettings(config)
	if err != nil {
		return err
	}
	opened, err := open(ctx, settings, p.now)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != nil {
		return errors.Join(errors.New("database: configured twice"), opened.close())
	}
	p.store = opened
	return nil
}

// Execute runs one action. Every error is an *sdk.Error.
func (p *Plugin) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	store := p.store
	if store == nil {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "the database is not configured", Outcome: sdk.OutcomeNotExecuted}
	}
	if len(call.IdempotencyKey) > maxKeyLength {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeInvalidParams, Message: fmt.Sprintf("the idempotency key is longer than %d bytes", maxKeyLength), Outcome: sdk.OutcomeNotExecuted}
	}
	var body []byte
	var err error
	switch call.Action {
	case actionInsert:
		body, err = store.insert(ctx, call)
	default:
		err = &sdk.Error{Code: sdk.CodeUnknownAction, Message: fmt.Sprintf("database has no action %q", call.Action), Outcome: sdk.OutcomeNotExecuted}
	}
	if err != nil {
		return sdk.Result{}, err
	}
	return sdk.Result{Body: body}, nil
}

// Close waits for calls under way and closes the database. It may be called
// twice, and before Configure.
func (p *Plugin) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	store := p.store
	p.store = nil
	if store == nil {
		return nil
	}
	return store.close()
}
