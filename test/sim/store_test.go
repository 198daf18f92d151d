package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// faultyStore is the store as one gateway uses it: it fails, is slow, and refuses
// everything once its gateway has crashed.
type faultyStore struct {
	gateway *gateway
	random  *rand.Rand // of the gateway itself
	actor   int

	mu      sync.Mutex // guards the fields below
	kinds   map[string]*kind
	ops     int
	crashAt int // the operation at which the gateway crashes; 0 is never
}

var (
	_ state.Store   = (*faultyStore)(nil)
	_ state.Limited = (*faultyStore)(nil)
)

// Limits implements state.Limited.
func (s *faultyStore) Limits() state.Limits {
	limits := state.DefaultLimits
	if most := s.gateway.sim.maxEntry; most > 0 {
		limits.Value = most
	}
	return limits
}

// takes returns a *state.RefusedError for a commit with an entry or a message that the
// store never takes.
func (s *faultyStore) takes(ops []state.Op) error {
	for i, op := range ops {
		if most := s.gateway.sim.maxEntry; most > 0 && len(op.Value) > most && (appends(op) || op.Space == layout.BucketInbox) {
			s.gateway.sim.count(&s.gateway.sim.tally.parts)
			return &state.RefusedError{Index: i, Op: op, Reason: fmt.Sprintf("a value of %d bytes, the most is %d", len(op.Value), most)}
		}
	}
	return nil
}

// fault is what happens to an operation.
type fault int

const (
	noFault fault = iota
	failsBefore
	failsAfter
	crashesBefore
	crashesAfter
)

// draw decides about the next operation. Each kind of operation has numbers of
// its own: loops that poll at the same instant do so in no fixed order, and their
// faults must not depend on it.
func (s *faultyStore) draw(write bool, what string) (f fault, slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops++
	k := s.kinds[what]
	if k == nil {
		r := s.gateway.sim.randomOf(s.actor, what)
		k = &kind{r, time.Duration(1 + r.IntN(10_000))}
		s.kinds[what] = k
	}
	r := k.random
	dice, length := r.IntN(1000), r.IntN(1000)
	if !s.gateway.sim.faults.Load() {
		return noFault, k.latency + time.Duration(length)
	}
	if s.ops == s.crashAt {
		return pick(r, crashesBefore, crashesAfter), 0
	}
	switch {
	case dice < 15:
		return failsBefore, 0
	case dice < 30 && write:
		return failsAfter, 0
	case dice < 60:
		return noFault, time.Duration(length+1) * time.Millisecond * 2
	case dice < 200:
		return noFault, time.Duration(length+1) * time.Microsecond
	}
	return noFault, k.latency + time.Duration(length)
}

// kind is a kind of operation of one gateway. Its latency is its own, so that two
// of them hardly ever come at the same instant: their order would be undefined.
type kind struct {
	random  *rand.Rand
	latency time.Duration
}

var errDown = fmt.Errorf("%w: simulated", state.ErrUnavailable)

// withFault runs an operation with the fault that is drawn for it.
func (s *faultyStore) withFault(ctx context.Context, write bool, what string, do func() error) error {
	g := s.gateway
	if err := g.proceed(ctx); err != nil {
		return err
	}
	f, slow := s.draw(write, what)
	if slow > 0 {
		pause(g.lifetime, slow)
		if err := g.proceed(ctx); err != nil {
			return err
		}
	}
	if f != noFault {
		g.sim.count(&g.sim.tally.faults)
		g.sim.note("%s %s: %s", g.name, what, [...]string{"", "fails, not applied", "fails, applied", "crashes before", "crashes after"}[f])
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
		_ = do() // the process is gone
		g.crash()
		return state.ErrClosed
	}
	return do()
}

// Commit implements state.Store.
func (s *faultyStore) Commit(ctx context.Context, ops ...state.Op) error {
	if bug := s.gateway.bug.commit; bug != nil {
		return bug(ctx, s.commit, ops)
	}
	return s.commit(ctx, ops...)
}

func (s *faultyStore) commit(ctx context.Context, ops ...state.Op) error {
	if err := s.takes(ops); err != nil {
		return err
	}
	return s.withFault(ctx, true, "commit "+s.gateway.sim.shortOps(ops), func() error {
		err := s.gateway.sim.commit(ctx, s.gateway, ops)
		if err != nil {
			s.gateway.sim.note("%s commit %s: %v", s.gateway.name, s.gateway.sim.shortOps(ops), err)
		}
		return err
	})
}

// Get implements state.Store.
func (s *faultyStore) Get(ctx context.Context, refs ...state.Ref) (values [][]byte, err error) {
	err = s.withFault(ctx, false, "get "+refs[0].Bucket, func() error {
		values, err = s.gateway.sim.store.Get(ctx, refs...)
		return err
	})
	return values, err
}

// Range implements state.Store.
func (s *faultyStore) Range(ctx context.Context, r state.Range) (members []string, err error) {
	err = s.withFault(ctx, false, "range "+kindOf(r.Set), func() error {
		members, err = s.gateway.sim.store.Range(ctx, r)
		return err
	})
	return members, err
}

// Journal implements state.Store.
func (s *faultyStore) Journal(ctx context.Context, id string, from, limit int) (entries [][]byte, err error) {
	err = s.withFault(ctx, false, "journal", func() error {
		entries, err = s.gateway.sim.store.Journal(ctx, id, from, limit)
		return err
	})
	return entries, err
}

// Due implements state.Store.
func (s *faultyStore) Due(ctx context.Context, queue string, limit int) (timers []state.Timer, next time.Duration, err error) {
	err = s.withFault(ctx, false, "due "+queue, func() error {
		timers, next, err = s.gateway.sim.store.Due(ctx, queue, limit)
		return err
	})
	return timers, next, err
}

// Close implements state.Store.
func (s *faultyStore) Close() error { return nil }

// commit writes to the real store and checks what was written.
func (sim *simulation) commit(ctx context.Context, g *gateway, ops []state.Op) error {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	if err := sim.store.Commit(ctx, ops...); err != nil {
		return err
	}
	sim.tally.commits++
	for _, op := range ops {
		if op.Kind == state.KindInsert && op.Space == "lease" {
			g.leaseID = op.ID
		}
	}
	sim.model.committed(g, ops)
	return nil
}

// opNames are short names of the kinds of ops, in the order of their constants.
var opNames = [...]string{"", "insert", "put", "delete", "require", "same", "add", "remove", "append", "drop", "timer", "clear", "due"}

// shortOps names the ops of a commit, without ids.
func (sim *simulation) shortOps(ops []state.Op) string {
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
func (s *faultyStore) Count(ctx context.Context, sets ...string) (counts []int, err error) {
	err = s.withFault(ctx, false, "count "+kindOf(sets[0]), func() error {
		counts, err = s.gateway.sim.store.Count(ctx, sets...)
		return err
	})
	return counts, err
}
