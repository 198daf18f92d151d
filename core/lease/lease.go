// Package lease says that a gateway process is alive, and fences it off once it
// is not.
//
// A lease belongs to a process, not to a run: one heartbeat for all work. Work
// carries the id of the lease under which it was taken, and every commit about
// it carries Fence, so that a process which lost its lease cannot write any
// more, whatever it still believes. Expiry is a timer judged by the store's
// clock; clocks of gateways are never compared. An expired lease that nobody
// took is simply renewed.
//
// A lease that was taken away leaves work behind. Its id stays in the record of
// the taker, as inherited, until Settle says that the work was found; when the
// taker dies before that, the next one inherits both.
//
// The package imports core/state, and knows nothing of what runs under a lease.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
)

// DefaultTTL is how long a lease lasts without a heartbeat.
const DefaultTTL = 5 * time.Second

const (
	bucket = "lease"  // records by lease id
	set    = "leases" // ids of all leases
	queue  = "lease"  // timers by lease id: due when expired
)

// ErrLost is matched by errors of a lease that somebody took away.
var ErrLost = errors.New("lease was taken away")

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
	node   string
	ttl    time.Duration
	logger *slog.Logger

	mu    sync.Mutex // guards value, and that one change of it is under way
	value value

	lost     chan struct{} // closed by the heartbeat
	stop     context.CancelFunc
	beating  sync.WaitGroup
	released sync.Once
}

// Acquire takes a new lease and keeps it by a goroutine until Release. The ctx
// bounds the acquiring only. Leases of the same node, left behind by a process
// that did not release them, are taken away in the same commit; see
// Predecessors.
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
	l := &Lease{store: store, id: id.String(), node: o.Node, ttl: o.TTL, logger: o.Logger, lost: make(chan struct{})}
	for {
		err := l.acquire(ctx)
		var conflict *state.ConflictError
		if errors.As(err, &conflict) {
			continue // a predecessor changed or went meanwhile: look again
		}
		if err != nil {
			return nil, fmt.Errorf("lease: acquire: %w", err)
		}
		break
	}
	beat, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives the acquiring
	l.stop = stop
	l.beating.Go(func() { l.keep(beat) })
	return l, nil
}

func (l *Lease) acquire(ctx context.Context) error {
	v := value{Version: formatVersion, Node: l.node}
	var ops []state.Op
	err := each(ctx, l.store, func(id string, raw []byte, old value) error {
		if old.Node == l.node {
			v.Inherited = append(append(v.Inherited, id), old.Inherited...)
			ops = append(ops, takeOps(id, raw)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(v.Inherited)
	v.Inherited = slices.Compact(v.Inherited)
	ops = append(ops,
		state.Insert(bucket, l.id, v.encode(), 0),
		state.Add(set, l.id),
		state.SetTimerAfter(queue, l.id, l.ttl))
	if err := l.store.Commit(ctx, ops...); err != nil {
		return err
	}
	l.value = v
	return nil
}

// ID is the lease's id, a UUIDv7.
func (l *Lease) ID() string { return l.id }

// Node is the place that the lease was taken for.
func (l *Lease) Node() string { return l.node }

// Fence is the condition that the lease was not taken away. Every commit about
// work that is done under the lease carries it.
func (l *Lease) Fence() state.Op { return state.Require(bucket, l.id) }

// Lost is closed once a heartbeat has found the lease taken away.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Predecessors are the leases whose work this one has inherited and that are
// not settled: earlier ones of the same node, those that were taken, and what
// they had inherited themselves. Nobody can write under them any more.
func (l *Lease) Predecessors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.value.Inherited)
}

// Settle says that all work of a predecessor was taken back: it is not
// inherited further. It does nothing for an id that is not a predecessor.
func (l *Lease) Settle(ctx context.Context, predecessor string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.value.Inherited, predecessor)
	if i < 0 {
		return nil
	}
	v := l.value
	v.Inherited = slices.Delete(slices.Clone(v.Inherited), i, i+1)
	err := l.change(ctx, v)
	if err != nil {
		return fmt.Errorf("lease: settle %s: %w", predecessor, err)
	}
	return nil
}

// change rewrites the lease's own record together with ops. It is called with
// mu held. The own record comes first among the conditions.
func (l *Lease) change(ctx context.Context, v value, ops ...state.Op) error {
	own := []state.Op{
		state.Require(bucket, l.id),
		state.Put(bucket, l.id, v.encode(), 0),
	}
	err := l.store.Commit(ctx, append(own, ops...)...)
	var conflict *state.ConflictError
	if errors.As(err, &conflict) && conflict.Index == 0 {
		return ErrLost
	}
	if err != nil {
		return err
	}
	l.value = v
	return nil
}

// Release ends the lease: it stops the heartbeat and removes the record, so
// that nobody waits for it to expire. Work under it must have been handed back
// before. A lease with predecessors that are not settled is left to expire at
// once instead, for the next process to inherit. A second call does nothing.
func (l *Lease) Release(ctx context.Context) error {
	var err error
	l.released.Do(func() {
		l.stop()
		l.beating.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		ops := []state.Op{state.Delete(bucket, l.id), state.Remove(set, l.id), state.ClearTimer(queue, l.id)}
		if len(l.value.Inherited) > 0 {
			ops = []state.Op{l.Fence(), state.SetTimerAfter(queue, l.id, 0)}
		}
		err = l.store.Commit(ctx, ops...)
		var conflict *state.ConflictError
		if errors.As(err, &conflict) {
			err = nil // taken away already, and with it what it had inherited
		}
	})
	if err != nil {
		return fmt.Errorf("lease: release: %w", err)
	}
	return nil
}
