// Package lease tells which gateway processes are alive, and fences off those
// that are not.
//
// A lease belongs to a process, not to a run: one heartbeat covers all its work.
// Work carries the id of the lease under which it was claimed, and every commit
// about it carries Fence, so that a process which has lost its lease cannot write
// any more. Expiry is a timer judged by the store's clock; clocks of gateways are
// never compared. An expired lease that was not taken away is simply renewed.
// Every process searches for expired leases with its own heartbeat and takes them
// away; only one process succeeds for each.
//
// A lease whose record is gone never comes back. That tells abandoned work from
// work in progress, without a list of its own.
//
// The package imports core/outage, core/state, core/state/layout and core/wakeup. It knows
// nothing of what runs under a lease.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
)

// DefaultTTL is how long a lease lasts without a heartbeat.
const DefaultTTL = 5 * time.Second

// Options configure a lease.
type Options struct {
	// Node names the place that this process runs at, such as host and
	// listening address. No two live processes may have the same: a new one
	// takes the lease of the old one away.
	Node string
	// TTL is how long the lease lasts without a heartbeat; DefaultTTL when 0.
	TTL time.Duration
	// Logger hears of heartbeats that failed; nil discards.
	Logger *slog.Logger
}

// Lease is a process's own lease. It is safe for concurrent use.
type Lease struct {
	store  state.Store
	id     string
	ttl    time.Duration
	logger *slog.Logger

	renewed  atomic.Value  // time.Time of the last heartbeat that succeeded
	began    atomic.Value  // time.Time at which the present heartbeat began, zero while there is none
	failing  atomic.Bool   // the last heartbeat failed
	wakeup   wakeup.Wakeup // asks for a heartbeat now
	lost     chan struct{} // closed by the heartbeat
	stop     context.CancelFunc
	beating  sync.WaitGroup
	released sync.Once
}

// Acquire takes a new lease and renews it in a goroutine until Release. ctx
// bounds the acquiring only. Leases of the same node that an earlier process left
// behind are taken away in the same commit.
func Acquire(ctx context.Context, store state.Store, o Options) (*Lease, error) {
	if o.Node == "" {
		return nil, errors.New("lease: no node given")
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("lease: make id: %w", err)
	}
	l := &Lease{store: store, id: id.String(), ttl: o.TTL, logger: o.Logger, lost: make(chan struct{}), wakeup: wakeup.New()}
	if err := l.acquire(ctx, o.Node); err != nil {
		return nil, fmt.Errorf("lease: acquire: %w", err)
	}
	l.renewed.Store(time.Now())
	l.began.Store(time.Time{})
	beat, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives the acquiring
	l.stop = stop
	l.beating.Go(func() { l.heartbeat(beat) })
	return l, nil
}

func (l *Lease) acquire(ctx context.Context, node string) error {
	old, err := l.ofNode(ctx, node)
	if err != nil {
		return err
	}
	var ops []state.Op
	for _, id := range old {
		ops = append(ops, endOps(id)...)
	}
	return l.store.Commit(ctx, append(ops,
		state.Insert(layout.BucketLease, l.id, record{Version: formatVersion, Node: node}.encode(), 0),
		state.Add(layout.SetLeases, l.id),
		state.SetTimerAfter(layout.QueueLease, l.id, l.ttl))...)
}

// endOps returns the ops that end a lease, of this process or another.
func endOps(id string) []state.Op {
	return []state.Op{state.Delete(layout.BucketLease, id), state.Remove(layout.SetLeases, id), state.ClearTimer(layout.QueueLease, id)}
}

// ID is the lease's id, a UUIDv7.
func (l *Lease) ID() string { return l.id }

// Fence is the condition that the lease was not taken away. Every commit about
// work that is done under the lease carries it.
func (l *Lease) Fence() state.Op { return state.Require(layout.BucketLease, l.id) }

// Alive reports whether the lease with this id still exists. A process without
// its lease can write nothing any more, and the id never comes back, so its work
// can safely be claimed.
func (l *Lease) Alive(ctx context.Context, id string) (bool, error) {
	found, err := l.store.Get(ctx, state.Ref{Bucket: layout.BucketLease, ID: id})
	if err != nil {
		return false, fmt.Errorf("lease: read %s: %w", id, err)
	}
	return found[0] != nil, nil
}

// Fresh reports whether a heartbeat succeeded within the lease's life: if not,
// the store cannot be reached, or the lease was taken away.
func (l *Lease) Fresh() bool {
	renewed, _ := l.renewed.Load().(time.Time) // stored by Acquire
	return time.Since(renewed) < l.ttl
}

// StoreDown reports whether the store is known to take no writes: the last heartbeat
// failed, or the present one takes longer than the time between two, or none has
// succeeded within the lease's life.
func (l *Lease) StoreDown() bool {
	began, _ := l.began.Load().(time.Time) // stored by Acquire
	return l.failing.Load() || !began.IsZero() && time.Since(began) > l.interval() || !l.Fresh()
}

// Check asks for a heartbeat now: another use of the store has failed.
func (l *Lease) Check() {
	l.wakeup.Wake()
}

// interval is the time between two heartbeats.
func (l *Lease) interval() time.Duration { return l.ttl / heartbeatsPerTTL }

// Lost is closed once a heartbeat has found the lease taken away.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Release ends the lease: it stops the heartbeat and removes the record, so
// that no process waits for it to expire. Work under it must have been handed back
// before. A second call does nothing.
func (l *Lease) Release(ctx context.Context) error {
	var err error
	l.released.Do(func() {
		l.stop()
		l.beating.Wait()
		err = l.store.Commit(ctx, endOps(l.id)...)
	})
	if err != nil {
		return fmt.Errorf("lease: release: %w", err)
	}
	return nil
}
