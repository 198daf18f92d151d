package gateway

import (
	"context"

	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// Services are what endpoints are handlers over, beside the integrations, which
// the config decides: see Routes. They are the same as long as the gateway lives.
type Services struct {
	// Runs, Events, Bulks, Destinations, Reconciles and Ledger are required.
	Runs         Runs
	Events       Events
	Bulks        Bulks
	Destinations Destinations
	Reconciles   Reconciles
	Ledger       *idempotency.Ledger
	// Ready says whether requests can be expected to work; nil is always ready.
	Ready func() Readiness
	// Store says whether the state store is known to be down; nil is never.
	Store StoreHealth
}

// StoreHealth knows how the state store does. *lease.Lease is one.
type StoreHealth interface {
	// StoreDown reports whether the store is known to take no writes.
	StoreDown() bool
	// Check has it found out now, because a request failed for it.
	Check()
}

// Runs starts, changes and shows runs. *engine.Engine is one.
type Runs interface {
	// Start makes a run durable and returns it.
	Start(ctx context.Context, request engine.StartRequest) (engine.Run, error)
	// Wait returns the run when it has ended, or as it is when ctx is done.
	Wait(ctx context.Context, id string) (engine.Run, error)
	Get(ctx context.Context, id string) (engine.Run, error)
	// Result returns the whole result of a step, by its path.
	Result(ctx context.Context, id, path string) (engine.StepResult, error)
	List(ctx context.Context, request engine.ListRequest) (engine.List, error)
	// Follow returns what happened in a run after a journal entry, and waits for
	// something to happen if nothing has; -1 is from the beginning.
	Follow(ctx context.Context, id string, after int) (engine.Progress, error)
	// Cancel, Retry and Signal return once the change is durable. What is to be
	// done once is recorded in the same write.
	Cancel(ctx context.Context, id string, once engine.Once) (engine.Run, error)
	Retry(ctx context.Context, req engine.RetryRequest) (engine.Run, error)
	// Rerun starts a run in the place of one that has ended.
	Rerun(ctx context.Context, req engine.RerunRequest) (engine.Run, error)
	Signal(ctx context.Context, id, name string, body value.Doc, once engine.Once) (engine.Run, error)
	// Workflows lists what can be started, in the order in which users see it.
	Workflows() []*workflow.Definition
}

var _ Runs = (*engine.Engine)(nil)

// Events shows and repairs the events of webhooks. *event.Events is one.
type Events interface {
	List(ctx context.Context, query event.Query) (event.Page, error)
	Get(ctx context.Context, ref event.Ref) (event.Detail, error)
	// Tail follows events from now on, or after one that was seen.
	Tail(ctx context.Context, query event.Query, after string) (*event.Tail, error)
	// Replay returns once the run is durable that does what was not done.
	Replay(ctx context.Context, request event.ReplayRequest) (event.View, error)
}

var _ Events = (*event.Events)(nil)

// Bulks changes many runs at once. *bulk.Manager is one.
type Bulks interface {
	// Create fixes the items of a bulk and, unless it is a dry run, has it run.
	Create(ctx context.Context, request bulk.Request) (bulk.Bulk, error)
	Get(ctx context.Context, id string) (bulk.Bulk, error)
	// Items returns a page of a bulk's items, with the cursor of the next one.
	Items(ctx context.Context, id, cursor string, limit int) ([]bulk.Item, string, error)
	Pause(ctx context.Context, id string, once engine.Once) (bulk.Bulk, error)
	// Resume is for the caller who made the bulk alone.
	Resume(ctx context.Context, id string, by bulk.Caller, once engine.Once) (bulk.Bulk, error)
	Cancel(ctx context.Context, id string, once engine.Once) (bulk.Bulk, error)
}

var _ Bulks = (*bulk.Manager)(nil)

// Reconciles compares the events of webhooks with what their vendors list.
// *reconcile.Reconciler is one.
type Reconciles interface {
	// Request asks for a pass, and returns once that is on stable storage.
	Request(ctx context.Context, request reconcile.Request) (reconcile.Pass, error)
	// Wait returns a pass when it has ended, or as it is when ctx is done.
	Wait(ctx context.Context, webhook, id string) (reconcile.Pass, error)
	Get(ctx context.Context, webhook string) (reconcile.State, error)
	Pass(ctx context.Context, webhook, id string) (reconcile.Pass, error)
}

var _ Reconciles = (*reconcile.Reconciler)(nil)
