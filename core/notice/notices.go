package notice

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/webhook"
)

const (
	// checkInterval is how often the store is searched for what happened.
	checkInterval = time.Second
	// page is how many entries are read at once.
	page = 100
	// maxRaised bounds the notices that wait in memory to be stored.
	maxRaised = 256
)

// Runs shows runs. *engine.Engine is one.
type Runs interface {
	Get(ctx context.Context, id string) (engine.Run, error)
}

var _ Runs = (*engine.Engine)(nil)

// Lease is the lease of this process.
type Lease interface {
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
}

// Intake takes an event in, as *webhook.Intake.
type Intake interface {
	Take(ctx context.Context, arrival webhook.Arrival) (webhook.Receipt, error)
}

var _ Intake = (*webhook.Intake)(nil)

// Hook is a webhook whose provider is the gateway itself.
type Hook struct {
	// Name is the webhook's.
	Name string
	// Wants reports whether it receives notices of a type.
	Wants func(Type) bool
	// Window is how long a cause makes no other event; 0 makes one each time.
	Window time.Duration
	// Intake takes its events in.
	Intake Intake
}

// Options are what Notices are made of. Store, Lease and Runs are required; the runs
// are in the same store.
type Options struct {
	Store  state.Store
	Lease  Lease
	Runs   Runs
	Logger *slog.Logger
	// Now is the clock for recorded times; nil is time.Now.
	Now func() time.Time
}

// Notices make events of what happens to the gateway. Their methods are safe for
// concurrent use.
type Notices struct {
	store  state.Store
	lease  Lease
	runs   Runs
	log    *slog.Logger
	now    func() time.Time
	outage *outage.Log

	metrics *metrics
	raised  chan stored // to be written

	stopping context.Context // ends with Stop
	stop     context.CancelFunc
	loops    sync.WaitGroup

	mu    sync.Mutex // guards hooks
	hooks []Hook
}

// stored is a notice with the time at which it was raised.
type stored struct {
	Notice
	at time.Time
}

// New makes Notices. They do nothing before Run.
func New(o Options) *Notices {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notices{
		store: o.Store, lease: o.Lease, runs: o.Runs, log: o.Logger, now: o.Now,
		outage: outage.New(o.Logger, outage.Trouble("the gateway's own events")), metrics: newMetrics(), raised: make(chan stored, maxRaised),
	}
	n.stopping, n.stop = context.WithCancel(context.Background())
	return n
}

// Set makes the hooks those that receive from then on.
func (n *Notices) Set(hooks []Hook) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hooks = hooks
}

// wanting returns the hooks that receive a type.
func (n *Notices) wanting(t Type) []Hook {
	n.mu.Lock()
	defer n.mu.Unlock()
	var wanting []Hook
	for _, hook := range n.hooks {
		if hook.Wants(t) {
			wanting = append(wanting, hook)
		}
	}
	return wanting
}

// isHook reports whether a webhook is one of the hooks.
func (n *Notices) isHook(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, hook := range n.hooks {
		if hook.Name == name {
			return true
		}
	}
	return false
}

// Raise makes a notice an event soon, unless no hook wants it. It does not wait for
// the store. What must not be lost with this process is to be stored with what
// happened: see Notice.Ops.
func (n *Notices) Raise(notice Notice) {
	if len(n.wanting(notice.Type)) == 0 {
		return
	}
	select {
	case n.raised <- stored{notice, n.now().UTC()}:
	default:
		n.log.Warn("too much happens at once: no event is made of it", "type", string(notice.Type), "cause", notice.Cause)
	}
}

// Run begins to make events in the background, until Stop.
func (n *Notices) Run() {
	n.loops.Go(n.write)
	n.loops.Go(n.work)
}

// Stop ends the work and waits for it. What was raised and is not stored is stored
// first, if the store takes it at once.
func (n *Notices) Stop() {
	n.stop()
	n.loops.Wait()
}
