package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Lease is the lease of this process: what it holds, no other process touches.
type Lease interface {
	// ID is unique to this process.
	ID() string
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists. One that
	// is gone does not come back.
	Alive(ctx context.Context, id string) (bool, error)
}

// Actions finds the actions that steps call. The error is *sdk.Error.
type Actions interface {
	Find(integration, action string) (*action.Action, error)
}

// Defaults of Options.
const (
	DefaultMaxRunning    = 1000
	DefaultCallTimeout   = 2 * time.Minute
	DefaultCheckInterval = 2 * time.Second
	DefaultMaxQueued     = 100_000
)

// Bounds of what is kept of a run.
const (
	// MaxResult is the most bytes that a step's result may have: every later
	// step may read it.
	MaxResult = 1 << 20
	// MaxInput is the most bytes that an input, or a signal's body, may have.
	MaxInput = 1 << 20
)

// Options are what an engine is made of. Store, Lease and Actions are required.
type Options struct {
	Store   state.Store
	Lease   Lease
	Actions Actions
	Logger  *slog.Logger
	// Now is the clock for recorded times; nil is time.Now.
	Now func() time.Time
	// MaxRunning bounds the runs that are worked on at once, and with them the
	// engine's memory; further ones wait in the store. 0 is DefaultMaxRunning.
	MaxRunning int
	// MaxQueued bounds the runs that wait for their turn; a start over it is
	// ErrOverloaded. 0 is DefaultMaxQueued.
	MaxQueued int
	// MaxRunBytes and MaxRunSteps bound one run: see workflow.Limits. 0 are
	// workflow.DefaultMaxBytes and workflow.DefaultMaxSteps.
	MaxRunBytes, MaxRunSteps int
	// Retention says how long runs are kept after their end.
	Retention Retention
	// Removing returns what else is written when a run that ended is removed; nil, or no
	// ops, is nothing. The ops have no conditions.
	Removing func(run Run) []state.Op
	// CallTimeout bounds one attempt at an action; 0 is DefaultCallTimeout.
	CallTimeout time.Duration
	// CheckInterval is how often the store is searched for runs that no process
	// works on; 0 is DefaultCheckInterval.
	CheckInterval time.Duration
}

// withDefaults returns the options with defaults in place of zeros.
func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxRunning == 0 {
		o.MaxRunning = DefaultMaxRunning
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = DefaultMaxQueued
	}
	if o.MaxRunBytes == 0 {
		o.MaxRunBytes = workflow.DefaultMaxBytes
	}
	if o.MaxRunSteps == 0 {
		o.MaxRunSteps = workflow.DefaultMaxSteps
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = DefaultCallTimeout
	}
	if o.CheckInterval == 0 {
		o.CheckInterval = DefaultCheckInterval
	}
	o.Retention = o.Retention.withDefaults()
	return o
}

// Retention says how long runs are kept after their end.
type Retention struct {
	// Succeeded and Failed are ages; failed are the cancelled ones too. 0 is the
	// default, 168 h and 720 h.
	Succeeded, Failed time.Duration
	// MaxRuns is the most ended runs that are kept, whatever their age; 0 is no
	// bound. The oldest go first: by their end, or by their start where they
	// succeeded within an hour of it.
	MaxRuns int
}

// Defaults of Retention.
const (
	DefaultKeepSucceeded = 168 * time.Hour
	DefaultKeepFailed    = 720 * time.Hour
)

func (r Retention) withDefaults() Retention {
	if r.Succeeded == 0 {
		r.Succeeded = DefaultKeepSucceeded
	}
	if r.Failed == 0 {
		r.Failed = DefaultKeepFailed
	}
	return r
}
