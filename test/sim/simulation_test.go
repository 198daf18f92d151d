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

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

// simulation is everything that one seed makes.
type simulation struct {
	t      *testing.T
	seed   int64
	bug    *bug // of every gateway; nil is none
	began  time.Time
	store  *memory.Store // as it truly is, without faults
	actors sync.WaitGroup

	faults atomic.Bool
	ending chan struct{} // closed when nothing is to be begun any more

	// exactClocks: no clock is wrong, so that times can be checked exactly.
	exactClocks bool

	// maxEntry is how many bytes an entry of a journal and a message may have for the
	// store to take it; 0 is the store's own limit.
	maxEntry int

	workflows   []object // of the config; see changeConfig
	actions     []any    // of its webhook
	placement   placement
	sender      *sender
	definitions []*workflow.Definition
	timed       map[string]bool // definitions with a time limit, by hash
	retention   engine.Retention
	upstream    *upstream
	nodes       [2]*node
	model       *model

	loading  sync.Mutex    // guards the fields below
	plan     *compile.Plan // made of the config; nil before the first
	planText []byte        // what it was made of

	mu        sync.Mutex // guards the fields below
	schedules []object   // of the config; see changeConfig
	reconcile object     // of the config's webhook, nil where nothing is compared; see changeConfig
	trace     []string
	violation string // the first broken invariant
	names     map[string]string
	tally     tally

	configText []byte // nil before the first use after a change
}

// tally counts what happened, so that a simulation that does nothing is seen.
type tally struct {
	commits, faults, crashes, pauses, calls, effects, runs, events, signals, cancels, retries, reruns, bulks, ticks, removals, outages, refused, parts, tooLarge, parked, lost int
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
	a.reruns += b.reruns
	a.bulks += b.bulks
	a.ticks += b.ticks
	a.removals += b.removals
	a.outages += b.outages
	a.refused += b.refused
	a.parts += b.parts
	a.tooLarge += b.tooLarge
	a.parked += b.parked
	a.lost += b.lost
}

func (a tally) String() string {
	return fmt.Sprintf("%d commits, %d store faults, %d crashes, %d pauses, %d calls, %d effects, %d runs, %d events, %d signals, %d cancellations, %d retries, %d reruns, %d bulks, %d ticks, %d removals, %d outages, %d calls refused by them, %d commits that the store did not take, %d runs that failed for it, %d that were parked, %d events that were never sent",
		a.commits, a.faults, a.crashes, a.pauses, a.calls, a.effects, a.runs, a.events, a.signals, a.cancels, a.retries, a.reruns, a.bulks, a.ticks, a.removals, a.outages, a.refused, a.parts, a.tooLarge, a.parked, a.lost)
}

// Actors have their own random numbers each, so that what one of them does
// changes the others as little as can be.
const (
	actorDefinitions = iota + 1
	actorIDs
	actorUpstream
	actorClients
	actorChaos
	actorSchedules
	actorRetention
	actorOutages
	actorSizes
	actorStore // plus the node and the number of its process
)

func (sim *simulation) random(actor int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(sim.seed), uint64(actor)))
}

// randomOf returns the random numbers that an actor draws for one purpose.
func (sim *simulation) randomOf(actor int, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(sim.seed), h.Sum64()^uint64(actor)<<48))
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

func newSimulation(t *testing.T, seed int64, bug *bug) *simulation {
	sim := &simulation{t: t, seed: seed, bug: bug, began: time.Now(), store: memory.New(memory.Options{}), ending: make(chan struct{}), names: map[string]string{}, timed: map[string]bool{}}
	uuid.SetRand(&ids{Rand: sim.random(actorIDs)})
	sim.faults.Store(true)
	sim.drawPlacement(sim.random(actorPlacement))
	r := sim.random(actorSchedules)
	sim.exactClocks = chance(r, 50)
	sim.drawReconcile(sim.random(actorReconcile))
	sim.drawDefinitions()
	sim.upstream = newUpstream(sim)
	sim.model = newModel(sim)
	sim.drawSchedules(r)
	sim.drawRetention(sim.random(actorRetention))
	if r := sim.random(actorSizes); chance(r, 50) {
		sim.maxEntry = 1500 + r.IntN(4000)
	}
	for i := range sim.nodes {
		sim.nodes[i] = &node{sim: sim, number: i, pluginLost: make(chan struct{})}
	}
	return sim
}

// run runs the simulation: with faults, then without, then to its end.
func (sim *simulation) run() {
	if r := sim.random(actorClients + 2000); len(sim.schedules) > 0 {
		time.Sleep(time.Minute - between(r, time.Second, 20*time.Second)) // they tick in the middle of it
	}
	for _, s := range sim.nodes {
		s.start()
	}
	var chaos sync.WaitGroup
	chaos.Go(sim.chaos)
	chaos.Go(sim.outages)
	sim.clients()
	chaos.Wait()
	sim.note("faults stop")
	sim.faults.Store(false)
	for _, s := range sim.nodes {
		s.awaitRunning()
	}
	sim.checkReconcile()
	sim.checkSchedules()
	sim.finishRuns()
	sim.checkRetention()
	for _, s := range sim.nodes {
		s.awaitRunning() // the lease of a process may have been lost before, and found so since
	}
	close(sim.ending)
	for _, s := range sim.nodes {
		s.stop()
	}
	sim.actors.Wait()
	if sim.violation == "" {
		sim.checkEnd()
	}
}

// note writes a line of the trace.
func (sim *simulation) note(format string, args ...any) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.noteLocked(format, args...)
}

func (sim *simulation) noteLocked(format string, args ...any) {
	line := fmt.Sprintf("%12s  ", time.Since(sim.began)) + fmt.Sprintf(format, args...)
	sim.trace = append(sim.trace, line)
}

// violated records a broken invariant; the first one counts.
func (sim *simulation) violated(invariant, format string, args ...any) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.violatedLocked(invariant, format, args...)
}

func (sim *simulation) violatedLocked(invariant, format string, args ...any) {
	text := invariant + ": " + fmt.Sprintf(format, args...)
	sim.noteLocked("BROKEN %s", text)
	if sim.violation == "" {
		sim.violation = text
	}
}

func (sim *simulation) count(what *int) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	*what++
}

// name is a short name for an id, by the order in which they were seen.
func (sim *simulation) name(kind, id string) string {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	return sim.nameLocked(kind, id)
}

func (sim *simulation) nameLocked(kind, id string) string {
	if name, known := sim.names[id]; known {
		return name
	}
	n := 1
	for _, other := range sim.names {
		if strings.HasPrefix(other, kind) {
			n++
		}
	}
	sim.names[id] = fmt.Sprintf("%s%d", kind, n)
	return sim.names[id]
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
