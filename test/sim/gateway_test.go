package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/core/state"
)

const leaseTTL = 5 * time.Second

// node is a machine on which one gateway process runs after the other.
type node struct {
	sim    *simulation
	number int

	mu         sync.Mutex // guards the fields below
	starts     int
	process    *gateway      // nil while none is up
	down       bool          // its plugin
	pluginLost chan struct{} // closed when that goes down
}

// gateway is one process. It has a clock, which may be wrong.
type gateway struct {
	sim      *simulation
	node     *node
	name     string
	store    *faultyStore
	lifetime context.Context // ends with the process
	kill     context.CancelFunc
	skew     atomic.Int64
	crashed  sync.Once
	bug      planted // none, unless the simulation has one

	server  *server.Server // nil before it has started
	leaseID string         // guarded by the simulation's lock

	mu      sync.Mutex    // guards running
	running chan struct{} // closed while the process is not paused
}

// start starts the first process of the node.
func (n *node) start() { n.sim.actors.Go(n.boot) }

// running is the process that serves, or nil.
func (n *node) running() *gateway {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// boot starts processes until one has come up.
func (n *node) boot() {
	for {
		select {
		case <-n.sim.ending:
			return
		default:
		}
		n.mu.Lock()
		n.starts++
		life := n.starts
		n.mu.Unlock()
		actor := actorStore + 1000*(n.number+1) + life
		random := n.sim.random(actor)
		g := &gateway{sim: n.sim, node: n, name: fmt.Sprintf("g%d.%d", n.number+1, life), running: make(chan struct{})}
		close(g.running)
		if n.sim.bug != nil {
			g.bug = n.sim.bug.plant(g)
		}
		g.lifetime, g.kill = context.WithCancel(context.Background())
		g.store = &faultyStore{gateway: g, random: random, actor: actor, kinds: map[string]*kind{}}
		if chance(random, 60) {
			g.store.crashAt = 1 + random.IntN(400)
			if chance(random, 50) {
				g.store.crashAt = 1 + random.IntN(60)
			}
		}
		if chance(random, 20) {
			g.shiftClock(between(random, -2*time.Minute, 2*time.Minute))
		}
		pause(g.lifetime, between(random, time.Millisecond, 900*time.Millisecond)) // no two loops in step
		if err := g.serve(random); err == nil {
			n.sim.note("%s is up", g.name)
			n.mu.Lock()
			n.process = g
			n.mu.Unlock()
			select {
			case <-g.lifetime.Done(): // it crashed between
				n.replace(g)
			default:
			}
			return
		}
		g.terminate()
		time.Sleep(between(random, 100*time.Millisecond, time.Second))
	}
}

// shiftClock makes the process's clock wrong, where clocks may be.
func (g *gateway) shiftClock(by time.Duration) {
	if !g.sim.exactClocks {
		g.skew.Store(int64(by))
	}
}

// now is the process's own clock.
func (g *gateway) now() time.Time { return time.Now().Add(time.Duration(g.skew.Load())) }

// serve starts the server of a process, as the program does, with the store, the
// clock and the integrations of the simulation.
func (g *gateway) serve(random *rand.Rand) error {
	plan, err := g.sim.load(&fakeIntegration{upstream: g.sim.upstream, gateway: g}, fakeProvider{g.sim.sender})
	if err != nil {
		return err
	}
	g.server, err = server.Start(g.lifetime, plan, server.Options{
		Node:      fmt.Sprintf("n%d", g.node.number),
		OpenStore: func(context.Context, config.State) (state.Store, error) { return g.store, nil },
		Logger:    slog.New(logger{g}),
		Now:       g.now, LeaseTTL: leaseTTL, CallTimeout: 30 * time.Second, MaxRunning: pick(random, 2, 50),
		NewLedgerID: engine.NewRunID,
	})
	if err != nil {
		return err
	}
	g.sim.actors.Go(g.watchLease)
	return nil
}

// watchLease ends the process when its lease was taken, as Serve does.
func (g *gateway) watchLease() {
	select {
	case <-g.server.Lease().Lost():
		g.sim.note("%s has lost its lease", g.name)
		g.crash()
	case <-g.lifetime.Done():
	}
}

// proceed waits while the process is suspended. It returns an error when the
// process is dead or ctx has ended.
func (g *gateway) proceed(ctx context.Context) error {
	g.mu.Lock()
	running := g.running
	g.mu.Unlock()
	select {
	case <-running:
	case <-g.lifetime.Done():
	}
	if g.lifetime.Err() != nil {
		return state.ErrClosed
	}
	return ctx.Err()
}

// suspend pauses the process, as SIGSTOP does. The function that it returns
// resumes it, as SIGCONT does.
func (g *gateway) suspend() (resume func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stopped := make(chan struct{})
	g.running = stopped
	return sync.OnceFunc(func() { close(stopped) })
}

// crash ends the process as kill -9 does, and has another start in its place.
func (g *gateway) crash() {
	g.crashed.Do(func() {
		g.sim.count(&g.sim.tally.crashes)
		g.sim.note("%s crashes", g.name)
		g.kill()
		g.node.replace(g)
	})
}

// replace cleans up after a process and starts the next.
func (n *node) replace(g *gateway) {
	n.mu.Lock()
	was := n.process == g
	if was {
		n.process = nil
	}
	n.mu.Unlock()
	if !was {
		return
	}
	n.sim.actors.Go(func() {
		g.terminate()
		down := between(g.store.random, time.Millisecond, 2*time.Second)
		if chance(g.store.random, 30) {
			down = between(g.store.random, 2*time.Second, 15*time.Second)
		}
		time.Sleep(down)
		n.boot()
	})
}

// terminate waits for the goroutines of a process that is dead.
func (g *gateway) terminate() {
	g.kill()
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	if g.server != nil {
		_ = g.server.Stop(dead)
	}
}

// awaitRunning waits for a process, which does not crash any more.
func (n *node) awaitRunning() {
	for n.running() == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

// stop shuts the node's process down.
func (n *node) stop() {
	g := n.running()
	if g == nil {
		n.sim.violated("a process is up at the end", "node %d has none", n.number+1)
		return
	}
	if err := g.server.Stop(context.Background()); errors.Is(err, context.DeadlineExceeded) {
		n.sim.violated("an engine without work stops", "%s: %v", g.name, err)
	} else if err != nil {
		n.sim.note("%s does not stop in order: %v", g.name, err)
	}
	g.kill()
}

// logger writes warnings and errors of a process into the trace.
type logger struct{ gateway *gateway }

func (l logger) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l logger) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l logger) WithGroup(string) slog.Handler                    { return l }
func (l logger) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" || a.Key == "reason" || a.Key == "stack" {
			text += ": " + a.Value.String()
		}
		return true
	})
	l.gateway.sim.note("%s logs: %s", l.gateway.name, text)
	return nil
}
