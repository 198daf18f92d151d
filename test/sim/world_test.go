package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

// world is everything that one seed makes.
type world struct {
	t      *testing.T
	seed   int64
	began  time.Time
	store  *memory.Store // as it truly is, without faults
	actors sync.WaitGroup

	faults atomic.Bool
	over   chan struct{} // closed when nothing is to be begun any more

	// steady: no clock is wrong, so that times can be checked exactly.
	steady bool

	definitions []*workflow.Definition
	timed       map[string]bool // definitions with a time limit, by hash
	retention   engine.Retention
	vendor      *vendor
	slots       [2]*slot
	books       *books

	mu        sync.Mutex // guards the fields below
	schedules []schedule.Schedule
	trace     []string
	broken    string // the first broken invariant
	names     map[string]string
	tally     tally
}

// tally counts what happened, so that a simulation that does nothing is seen.
type tally struct {
	commits, faults, crashes, pauses, calls, effects, runs, events, signals, cancels, retries, ticks, removals, outages, refused int
}

func (a *tally) add(b tally) {
	a.commits += b.commits
	a.faults += b.faults
	a.crashes += b.crashes
	a.pauses += b.pauses
	a.calls += b.calls
	a.effects += b.effects
	a.runs += b.runs
	a.events += b.events
	a.signals += b.signals
	a.cancels += b.cancels
	a.retries += b.retries
	a.ticks += b.ticks
	a.removals += b.removals
	a.outages += b.outages
	a.refused += b.refused
}

func (a tally) String() string {
	return fmt.Sprintf("%d commits, %d store faults, %d crashes, %d pauses, %d calls, %d effects, %d runs, %d events, %d signals, %d cancellations, %d retries, %d ticks, %d removals, %d outages, %d calls refused by them",
		a.commits, a.faults, a.crashes, a.pauses, a.calls, a.effects, a.runs, a.events, a.signals, a.cancels, a.retries, a.ticks, a.removals, a.outages, a.refused)
}

// Actors have their own random numbers each, so that what one of them does
// changes the others as little as can be.
const (
	actorDefinitions = iota + 1
	actorIDs
	actorVendor
	actorClients
	actorChaos
	actorSchedules
	actorRetention
	actorOutages
	actorStore // plus slot and life of the gateway
)

func (w *world) random(actor int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(w.seed), uint64(actor)))
}

// randomOf answers the numbers that an actor draws for one purpose.
func (w *world) randomOf(actor int, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(w.seed), h.Sum64()^uint64(actor)<<48))
}

// ids are the random bits of ids.
type ids struct {
	mu sync.Mutex
	*rand.Rand
}

func (r *ids) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

func newWorld(t *testing.T, seed int64) *world {
	w := &world{t: t, seed: seed, began: time.Now(), store: memory.New(memory.Options{}), over: make(chan struct{}), names: map[string]string{}, timed: map[string]bool{}}
	uuid.SetRand(&ids{Rand: w.random(actorIDs)})
	w.faults.Store(true)
	w.definitions = w.define()
	w.vendor = newVendor(w)
	w.books = newBooks(w)
	r := w.random(actorSchedules)
	w.steady = chance(r, 50)
	w.plan(r)
	w.retain(w.random(actorRetention))
	for i := range w.slots {
		w.slots[i] = &slot{w: w, number: i, lost: make(chan struct{})}
	}
	return w
}

// run lets the world live: under faults, then without, then to its end.
func (w *world) run() {
	if r := w.random(actorClients + 2000); len(w.schedules) > 0 {
		time.Sleep(time.Minute - between(r, time.Second, 20*time.Second)) // they tick in the middle of it
	}
	for _, s := range w.slots {
		s.start()
	}
	var chaos sync.WaitGroup
	chaos.Go(w.chaos)
	chaos.Go(w.outages)
	w.clients()
	chaos.Wait()
	w.note("faults stop")
	w.faults.Store(false)
	for _, s := range w.slots {
		s.heal()
	}
	w.keepTime()
	w.settle()
	w.forget()
	for _, s := range w.slots {
		s.heal() // the lease of a process may have been lost before, and found so since
	}
	close(w.over)
	for _, s := range w.slots {
		s.stop()
	}
	w.actors.Wait()
	if w.broken == "" {
		w.checkEnd()
	}
}

// note writes a line of the trace.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(format, args...)
}

func (w *world) noteLocked(format string, args ...any) {
	line := fmt.Sprintf("%12s  ", time.Since(w.began)) + fmt.Sprintf(format, args...)
	w.trace = append(w.trace, line)
}

// violated records a broken invariant; the first one counts.
func (w *world) violated(invariant, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violatedLocked(invariant, format, args...)
}

func (w *world) violatedLocked(invariant, format string, args ...any) {
	text := invariant + ": " + fmt.Sprintf(format, args...)
	w.noteLocked("BROKEN %s", text)
	if w.broken == "" {
		w.broken = text
	}
}

func (w *world) count(what *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*what++
}

// name is a short name for an id, by the order in which they were seen.
func (w *world) name(kind, id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nameLocked(kind, id)
}

func (w *world) nameLocked(kind, id string) string {
	if name, known := w.names[id]; known {
		return name
	}
	n := 1
	for _, other := range w.names {
		if strings.HasPrefix(other, kind) {
			n++
		}
	}
	w.names[id] = fmt.Sprintf("%s%d", kind, n)
	return w.names[id]
}

// pause sleeps; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// between draws a duration, of uneven nanoseconds: what happens at the same
// instant happens in no fixed order.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1)) | 1
}

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }
