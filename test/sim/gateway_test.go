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

// slot is a place at which one gateway process runs after the other.
type slot struct {
	w      *world
	number int

	mu      sync.Mutex // guards the fields below
	lives   int
	present *gateway      // nil while none is up
	down    bool          // its plugin
	lost    chan struct{} // closed when that goes down
}

// gateway is one process. It has a clock, which may be wrong.
type gateway struct {
	w       *world
	slot    *slot
	name    string
	handle  *handle
	life    context.Context // ends with the process
	kill    context.CancelFunc
	skew    atomic.Int64
	crashed sync.Once

	lease     *lease.Lease
	engine    *engine.Engine
	scheduler *schedule.Scheduler
	ledger    *idempotency.Ledger
	http      *corehttp.Gateway

	mu      sync.Mutex    // guards running
	running chan struct{} // closed while the process is not paused
}

// start begins the first process of a slot.
func (s *slot) start() { s.w.actors.Go(s.boot) }

// up is the process that serves, nil if there is none.
func (s *slot) up() *gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present
}

// boot starts processes until one has come up.
func (s *slot) boot() {
	for {
		select {
		case <-s.w.over:
			return
		default:
		}
		s.mu.Lock()
		s.lives++
		life := s.lives
		s.mu.Unlock()
		actor := actorStore + 1000*(s.number+1) + life
		random := s.w.random(actor)
		g := &gateway{w: s.w, slot: s, name: fmt.Sprintf("g%d.%d", s.number+1, life), running: make(chan struct{})}
		close(g.running)
		g.life, g.kill = context.WithCancel(context.Background())
		g.handle = &handle{gateway: g, random: random, actor: actor, kinds: map[string]*kind{}}
		if chance(random, 60) {
			g.handle.crashAt = 1 + random.IntN(400)
			if chance(random, 50) {
				g.handle.crashAt = 1 + random.IntN(60)
			}
		}
		if chance(random, 20) {
			g.turnClock(between(random, -2*time.Minute, 2*time.Minute))
		}
		pause(g.life, between(random, time.Millisecond, 900*time.Millisecond)) // no two loops in step
		if err := g.rise(random); err == nil {
			s.w.note("%s is up", g.name)
			s.mu.Lock()
			s.present = g
			s.mu.Unlock()
			select {
			case <-g.life.Done(): // it crashed between
				s.gone(g)
			default:
			}
			return
		}
		g.end()
		time.Sleep(between(random, 100*time.Millisecond, time.Second))
	}
}

// turnClock makes the process's clock wrong, where clocks may be.
func (g *gateway) turnClock(by time.Duration) {
	if !g.w.steady {
		g.skew.Store(int64(by))
	}
}

// now is the process's own clock.
func (g *gateway) now() time.Time { return time.Now().Add(time.Duration(g.skew.Load())) }

// rise makes everything that a process is made of.
func (g *gateway) rise(random *rand.Rand) error {
	var err error
	g.lease, err = lease.Acquire(g.life, g.handle, lease.Options{Node: fmt.Sprintf("n%d", g.slot.number), TTL: leaseTTL})
	if err != nil {
		return err
	}
	registry, err := action.NewRegistry(&port{vendor: g.w.vendor, gateway: g})
	if err != nil {
		return err
	}
	log := slog.New(logger{g})
	g.engine = engine.New(engine.Options{
		Store: g.handle, Lease: g.lease, Actions: registry, Now: g.now, Logger: log,
		CallTimeout: 30 * time.Second, MaxRunning: pick(random, 2, 50),
		Retention: g.w.retention,
	})
	if err := g.engine.SetDefinitions(g.life, g.w.definitions); err != nil {
		return err
	}
	g.scheduler = schedule.New(schedule.Options{Store: g.handle, Lease: g.lease, Starter: g.engine, Now: g.now, Logger: log})
	if err := g.scheduler.Set(g.life, g.w.inForce()); err != nil {
		return err
	}
	receiver, err := webhook.NewReceiver(webhook.Options{
		Name: "hook", Path: "/webhooks/hook", Provider: "sender", Verifier: verifier{}, Secrets: []string{hookSecret},
		Events: event.NewLog(g.handle), Starter: g.engine, Now: g.now, Logger: log,
	})
	if err != nil {
		return err
	}
	all, err := access.ParseScope("admin")
	if err != nil {
		return err
	}
	g.ledger = idempotency.New(g.handle, g.lease, idempotency.Options{Now: g.now, NewID: func() string { return engine.NewRunID() }})
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
	g.w.actors.Go(g.reap)
	return nil
}

// reap takes away the leases of processes that do not renew them, and ends this
// one once its own was taken.
func (g *gateway) reap() {
	for {
		timer := time.NewTimer(time.Second + 31*time.Microsecond)
		select {
		case <-timer.C:
		case <-g.lease.Lost():
			timer.Stop()
			g.w.note("%s has lost its lease", g.name)
			g.crash()
			return
		case <-g.life.Done():
			timer.Stop()
			return
		}
		expired, err := g.lease.Expired(g.life)
		if err != nil {
			continue
		}
		for _, id := range expired {
			if taken, err := g.lease.Take(g.life, id); err == nil && taken {
				g.w.note("%s takes away %s", g.name, g.w.name("lease", id))
			}
		}
	}
}

// gate lets an operation of a process pass unless the process is dead, and not
// before it goes on if it is paused.
func (g *gateway) gate(ctx context.Context) error {
	g.mu.Lock()
	running := g.running
	g.mu.Unlock()
	select {
	case <-running:
	case <-g.life.Done():
	}
	if g.life.Err() != nil {
		return state.ErrClosed
	}
	return ctx.Err()
}

// stopSignal pauses the process, as SIGSTOP does; it answers how it goes on.
func (g *gateway) stopSignal() (resume func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stopped := make(chan struct{})
	g.running = stopped
	return sync.OnceFunc(func() { close(stopped) })
}

// crash ends the process as kill -9 does, and has another start in its place.
func (g *gateway) crash() {
	g.crashed.Do(func() {
		g.w.count(&g.w.tally.crashes)
		g.w.note("%s crashes", g.name)
		g.kill()
		g.slot.gone(g)
	})
}

// gone clears up after a process and starts the next.
func (s *slot) gone(g *gateway) {
	s.mu.Lock()
	was := s.present == g
	if was {
		s.present = nil
	}
	s.mu.Unlock()
	if !was {
		return
	}
	s.w.actors.Go(func() {
		g.end()
		down := between(g.handle.random, time.Millisecond, 2*time.Second)
		if chance(g.handle.random, 30) {
			down = between(g.handle.random, 2*time.Second, 15*time.Second)
		}
		time.Sleep(down)
		s.boot()
	})
}

// end waits for the goroutines of a process that is dead.
func (g *gateway) end() {
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

// heal has a process run that does not crash any more.
func (s *slot) heal() {
	for s.up() == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

// stop ends the slot's process in an orderly way.
func (s *slot) stop() {
	g := s.up()
	if g == nil {
		s.w.violated("a process is up at the end", "slot %d has none", s.number+1)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g.scheduler.Stop()
	if err := g.engine.Stop(ctx); err != nil {
		s.w.violated("an engine without work stops", "%s: %v", g.name, err)
	}
	g.ledger.Close()
	if err := g.lease.Release(ctx); err != nil {
		s.w.note("%s does not release its lease: %v", g.name, err)
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
	l.gateway.w.note("%s logs: %s", l.gateway.name, text)
	return nil
}
