package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

// handle is the store as one gateway meets it: it fails, is slow, and refuses
// everything once its gateway has crashed.
type handle struct {
	gateway *gateway
	random  *rand.Rand // of the gateway itself
	actor   int

	mu      sync.Mutex // guards the fields below
	kinds   map[string]*kind
	ops     int
	crashAt int // the operation at which the gateway crashes; 0 is never
}

var _ state.Store = (*handle)(nil)

// fate is what becomes of an operation.
type fate int

const (
	works fate = iota
	failsBefore
	failsAfter
	crashesBefore
	crashesAfter
)

// draw decides about the next operation. Each kind of operation has numbers of
// its own: loops that look at the same instant do so in no fixed order, and their
// fates are not to depend on it.
func (h *handle) draw(write bool, what string) (f fate, slow time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops++
	k := h.kinds[what]
	if k == nil {
		r := h.gateway.w.randomOf(h.actor, what)
		k = &kind{r, time.Duration(1 + r.IntN(10_000))}
		h.kinds[what] = k
	}
	r := k.random
	dice, length := r.IntN(1000), r.IntN(1000)
	if !h.gateway.w.faults.Load() {
		return works, k.latency + time.Duration(length)
	}
	if h.ops == h.crashAt {
		return pick(r, crashesBefore, crashesAfter), 0
	}
	switch {
	case dice < 15:
		return failsBefore, 0
	case dice < 30 && write:
		return failsAfter, 0
	case dice < 60:
		return works, time.Duration(length+1) * time.Millisecond * 2
	case dice < 200:
		return works, time.Duration(length+1) * time.Microsecond
	}
	return works, k.latency + time.Duration(length)
}

// kind is a kind of operation of one gateway. Its latency is its own, so that two
// of them hardly ever come at the same instant: their order would be anybody's.
type kind struct {
	random  *rand.Rand
	latency time.Duration
}

var errDown = fmt.Errorf("%w: simulated", state.ErrUnavailable)

// operate brings an operation to its fate.
func (h *handle) operate(ctx context.Context, write bool, what string, do func() error) error {
	g := h.gateway
	if err := g.gate(ctx); err != nil {
		return err
	}
	f, slow := h.draw(write, what)
	if slow > 0 {
		pause(g.life, slow)
		if err := g.gate(ctx); err != nil {
			return err
		}
	}
	if f != works {
		g.w.count(&g.w.tally.faults)
		g.w.note("%s %s: %s", g.name, what, [...]string{"", "fails, not applied", "fails, applied", "crashes before", "crashes after"}[f])
	}
	switch f {
	case failsBefore:
		return errDown
	case failsAfter:
		if err := do(); err != nil {
			return err
		}
		return errDown
	case crashesBefore:
		g.crash()
		return state.ErrClosed
	case crashesAfter:
		_ = do() // nobody is left to be told
		g.crash()
		return state.ErrClosed
	}
	return do()
}

// Commit implements state.Store.
func (h *handle) Commit(ctx context.Context, ops ...state.Op) error {
	return h.operate(ctx, true, "commit "+h.gateway.w.shortOps(ops), func() error {
		err := h.gateway.w.commit(ctx, h.gateway, ops)
		if err != nil {
			h.gateway.w.note("%s commit %s: %v", h.gateway.name, h.gateway.w.shortOps(ops), err)
		}
		return err
	})
}

// Get implements state.Store.
func (h *handle) Get(ctx context.Context, refs ...state.Ref) (values [][]byte, err error) {
	err = h.operate(ctx, false, "get "+refs[0].Bucket, func() error {
		values, err = h.gateway.w.store.Get(ctx, refs...)
		return err
	})
	return values, err
}

// Range implements state.Store.
func (h *handle) Range(ctx context.Context, r state.Range) (members []string, err error) {
	err = h.operate(ctx, false, "range "+kindOf(r.Set), func() error {
		members, err = h.gateway.w.store.Range(ctx, r)
		return err
	})
	return members, err
}

// Journal implements state.Store.
func (h *handle) Journal(ctx context.Context, id string, from int) (entries [][]byte, err error) {
	err = h.operate(ctx, false, "journal", func() error {
		entries, err = h.gateway.w.store.Journal(ctx, id, from)
		return err
	})
	return entries, err
}

// Due implements state.Store.
func (h *handle) Due(ctx context.Context, queue string, limit int) (timers []state.Timer, next time.Duration, err error) {
	err = h.operate(ctx, false, "due "+queue, func() error {
		timers, next, err = h.gateway.w.store.Due(ctx, queue, limit)
		return err
	})
	return timers, next, err
}

// Close implements state.Store.
func (h *handle) Close() error { return nil }

// commit writes to the true store and looks at what was written.
func (w *world) commit(ctx context.Context, g *gateway, ops []state.Op) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.store.Commit(ctx, ops...); err != nil {
		return err
	}
	w.tally.commits++
	w.books.committed(g, ops)
	return nil
}

// opNames are short names of the kinds of ops, in the order of their constants.
var opNames = [...]string{"", "insert", "put", "delete", "require", "same", "add", "remove", "append", "drop", "timer", "clear", "due"}

// shortOps names the ops of a commit, without ids.
func (w *world) shortOps(ops []state.Op) string {
	var text strings.Builder
	for i, op := range ops {
		if i > 0 {
			text.WriteByte(' ')
		}
		if int(op.Kind) < len(opNames) {
			text.WriteString(opNames[op.Kind])
		}
		text.WriteByte(':')
		text.WriteString(kindOf(op.Space))
	}
	return text.String()
}

// kindOf is the first part of the name of a set, where ids do not stand yet.
func kindOf(space string) string {
	kind, _, _ := strings.Cut(space, "/")
	return kind
}

// Count implements state.Store.
func (h *handle) Count(ctx context.Context, sets ...string) (counts []int, err error) {
	err = h.operate(ctx, false, "count "+kindOf(sets[0]), func() error {
		counts, err = h.gateway.w.store.Count(ctx, sets...)
		return err
	})
	return counts, err
}
