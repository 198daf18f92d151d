package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	corehttp "github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/webhook"
)

const (
	token      = "the-token-of-the-simulation"
	hookSecret = "whsec_of_the_simulation"
	leaseTTL   = 5 * time.Second
)

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

	lease     *lease.Lease
	engine    *engine.Engine
	scheduler *schedule.Scheduler
	ledger    *idempotency.Ledger
	http      *corehttp.Gateway

	mu      sync.Mutex    // guards running
	running chan struct{} // closed while the process is not paused
}

// start starts the first process of the node.
func (n *node) start() { n.sim.actors.Go(n.boot) }

// running is the process that serves, nil if there is none.
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
		if err := g.assemble(random); err == nil {
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

// assemble makes and starts the parts of a process.
func (g *gateway) assemble(random *rand.Rand) error {
	var err error
	g.lease, err = lease.Acquire(g.lifetime, g.store, lease.Options{Node: fmt.Sprintf("n%d", g.node.number), TTL: leaseTTL})
	if err != nil {
		return err
	}
	registry, err := action.NewRegistry(&fakeIntegration{upstream: g.sim.upstream, gateway: g})
	if err != nil {
		return err
	}
	log := slog.New(logger{g})
	g.engine = engine.New(engine.Options{
		Store: g.store, Lease: g.lease, Actions: registry, Now: g.now, Logger: log,
		CallTimeout: 30 * time.Second, MaxRunning: pick(random, 2, 50),
		Retention: g.sim.retention,
	})
	if err := g.engine.SetDefinitions(g.lifetime, g.sim.definitions); err != nil {
		return err
	}
	g.scheduler = schedule.New(schedule.Options{Store: g.store, Lease: g.lease, Starter: g.engine, Now: g.now, Logger: log})
	if err := g.scheduler.Set(g.lifetime, g.sim.currentSchedules()); err != nil {
		return err
	}
	receiver, err := webhook.NewReceiver(webhook.Options{
		Name: "hook", Path: "/webhooks/hook", Provider: "sender", Verifier: verifier{}, Secrets: []string{hookSecret},
		Events: event.NewLog(g.store), Starter: g.engine, Now: g.now, Logger: log,
	})
	if err != nil {
		return err
	}
	all, err := access.ParseScope("admin")
	if err != nil {
		return err
	}
	g.ledger = idempotency.New(g.store, g.lease, idempotency.Options{Now: g.now, NewID: func() string { return engine.NewRunID() }})
	g.http, err = corehttp.New(corehttp.Options{
		Runs: g.engine, Ledger: g.ledger, Now: g.now, Logger: log,
		Routes: corehttp.Routes{
			Actions: registry, Webhooks: []corehttp.Webhook{receiver},
			Tokens: []corehttp.Token{{Name: "shop", Hash: access.HashOf(token), Scopes: []access.Scope{all}}},
		},
	})
	if err != nil {
		return err
	}
	g.engine.Run()
	g.scheduler.Run()
	g.sim.actors.Go(g.reap)
	return nil
}

// reap takes away the leases of processes that do not renew them, and ends this
// process when its own lease was taken.
func (g *gateway) reap() {
	for {
		timer := time.NewTimer(time.Second + 31*time.Microsecond)
		select {
		case <-timer.C:
		case <-g.lease.Lost():
			timer.Stop()
			g.sim.note("%s has lost its lease", g.name)
			g.crash()
			return
		case <-g.lifetime.Done():
			timer.Stop()
			return
		}
		expired, err := g.lease.Expired(g.lifetime)
		if err != nil {
			continue
		}
		for _, id := range expired {
			if taken, err := g.lease.Take(g.lifetime, id); err == nil && taken {
				g.sim.note("%s takes away %s", g.name, g.sim.name("lease", id))
			}
		}
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
	if g.scheduler != nil {
		g.scheduler.Stop()
	}
	if g.engine != nil {
		_ = g.engine.Stop(dead)
	}
	if g.ledger != nil {
		g.ledger.Close()
	}
	if g.lease != nil {
		_ = g.lease.Release(dead)
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g.scheduler.Stop()
	if err := g.engine.Stop(ctx); err != nil {
		n.sim.violated("an engine without work stops", "%s: %v", g.name, err)
	}
	g.ledger.Close()
	if err := g.lease.Release(ctx); err != nil {
		n.sim.note("%s does not release its lease: %v", g.name, err)
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
