package destination

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// Runs starts, changes and shows runs, as engine.Engine does.
type Runs interface {
	Start(ctx context.Context, req engine.StartRequest) (engine.Run, error)
	Get(ctx context.Context, id string) (engine.Run, error)
	List(ctx context.Context, req engine.ListRequest) (engine.List, error)
	Retry(ctx context.Context, req engine.RetryRequest) (engine.Run, error)
}

// Lease is the lease of this process.
type Lease interface {
	// ID is unique to this process.
	ID() string
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists.
	Alive(ctx context.Context, id string) (bool, error)
}

// Options are what a service is made of; none is required.
type Options struct {
	Logger *slog.Logger
	// Now is the clock for recorded times; nil is time.Now.
	Now func() time.Time
	// CheckInterval is how often it is looked what is to be done, as another process may
	// have changed a destination; 0 is defaultCheckInterval.
	CheckInterval time.Duration
	// Transport makes the requests; nil is one that keeps to the policy of Set. Tests
	// and simulations have others.
	Transport http.RoundTripper
	// Resolver is nil but in tests.
	Resolver *net.Resolver
}

// Service sends messages. Its methods are safe for concurrent use.
type Service struct {
	log       *slog.Logger
	outage    *outage.Log
	now       func() time.Time
	transport http.RoundTripper // nil where each set has its own
	resolver  *net.Resolver
	metrics   *metrics
	interval  time.Duration

	store   state.Store // this and the next two are set by Use
	lease   Lease
	runs    Runs
	current atomic.Pointer[set]

	wakeup  wakeup.Wakeup
	stop    context.CancelFunc
	stopped context.Context
	loops   sync.WaitGroup
	sweeps  map[string]string // of the loop alone: where the next sweep of a destination begins
}

// set are the destinations of one config.
type set struct {
	byName    map[string]*Destination
	names     []string // sorted
	transport http.RoundTripper
}

// closeIdle closes the connections that are not in use.
func (s *set) closeIdle() {
	if t, ok := s.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// New makes a service without destinations. It does nothing in the background before
// Run.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckInterval == 0 {
		o.CheckInterval = defaultCheckInterval
	}
	s := &Service{
		interval: o.CheckInterval,
		log:      o.Logger, outage: outage.New(o.Logger, outage.Trouble("the state store")), now: o.Now,
		transport: o.Transport, resolver: o.Resolver, metrics: newMetrics(), wakeup: wakeup.New(), sweeps: map[string]string{},
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.current.Store(&set{byName: map[string]*Destination{}})
	return s
}

// Use gives the service the store, this process's lease and the runs, which write into
// the same store: they are made after it, since their steps call it. It is called once,
// before anything is sent and before Run.
func (s *Service) Use(store state.Store, lease Lease, runs Runs) {
	s.store, s.lease, s.runs = store, lease, runs
}

// Set puts destinations in force for what is sent from then on, with where they may
// be. Messages under way to one that is not among them any more fail, and are tried
// again by their schedule.
func (s *Service) Set(list []*Destination, policy egress.Policy) {
	next := &set{byName: make(map[string]*Destination, len(list)), transport: s.transport}
	for _, d := range list {
		next.byName[d.name] = d
		next.names = append(next.names, d.name)
	}
	slices.Sort(next.names)
	if next.transport == nil {
		next.transport = newTransport(policy, s.resolver)
	}
	before := s.current.Swap(next)
	before.closeIdle() // requests under way finish
	s.metrics.keep(next.names)
	s.wakeup.Wake()
}

// Names lists the destinations in force, sorted.
func (s *Service) Names() []string { return slices.Clone(s.current.Load().names) }

// PublicKeys are those of all destinations, each once.
func (s *Service) PublicKeys() []PublicKey {
	keys, seen := []PublicKey{}, map[string]bool{}
	now := s.current.Load()
	for _, name := range now.names {
		for _, key := range now.byName[name].PublicKeys() {
			if !seen[key.ID] {
				keys, seen[key.ID] = append(keys, key), true
			}
		}
	}
	return keys
}

// find returns a destination by its name. The error is *sdk.Error with CodeNotFound.
func (s *Service) find(name string) (*Destination, error) {
	now := s.current.Load()
	if d := now.byName[name]; d != nil {
		return d, nil
	}
	hint := suggest.Hint(name, now.names)
	if hint != "" {
		hint = " (" + hint + ")"
	}
	return nil, sdk.Refuse(sdk.CodeNotFound, "there is no destination %q%s", name, hint)
}

// condition reads what is known of a destination.
func (s *Service) condition(ctx context.Context, name string) (known, error) {
	found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketDestination, ID: name})
	if err != nil {
		return known{}, err
	}
	return readCondition(name, found[0])
}

// maxTries bounds how often something is tried that others change at the same time.
const maxTries = 16

// errBusy says that others change a record all the time.
var errBusy = sdk.Refuse(sdk.CodeUnavailable, "the destination is being changed by others; try again").Later(time.Second)

// change changes the condition of a destination until nobody else changes it meanwhile.
// Next returns the condition, the ops of the same write, and false where nothing is to
// be changed; it is called again with what is known then.
func (s *Service) change(ctx context.Context, name string, next func(known) (condition, []state.Op, bool)) error {
	for range maxTries {
		k, err := s.condition(ctx, name)
		if err != nil {
			return err
		}
		c, ops, changed := next(k)
		if !changed {
			return nil
		}
		if again, err := s.commit(ctx, append(k.replace(name, c), ops...)...); !again {
			return err
		}
	}
	return errBusy
}

// commit writes under the fence. Again says that a condition did not hold: what it was
// made from is to be read again.
func (s *Service) commit(ctx context.Context, ops ...state.Op) (again bool, err error) {
	err = s.store.Commit(ctx, append([]state.Op{s.lease.Fence()}, ops...)...)
	conflict, ok := errors.AsType[*state.ConflictError](err)
	if ok && !conflict.Failed(s.lease.Fence()) {
		return true, err
	}
	return false, err
}

// failureOf is the error of a call that the store or the engine could not do.
func failureOf(err error) *sdk.Error {
	if failed, ok := errors.AsType[*sdk.Error](err); ok {
		return failed
	}
	for _, passing := range []error{
		engine.ErrUnavailable, engine.ErrClosed, engine.ErrStopped, engine.ErrFenced, engine.ErrOverloaded, engine.ErrBusy, engine.ErrStale,
		engine.ErrUnknownWorkflow, // the config that has it is about to be in force
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, passing) {
			return sdk.Fail(sdk.CodeUnavailable, "the message could not be stored now: %s", strings.TrimPrefix(passing.Error(), "engine: ")).Later(0)
		}
	}
	if errors.Is(err, engine.ErrTooLarge) {
		return sdk.Refuse(sdk.CodeInvalidParams, "the message is larger than what is kept of one")
	}
	return sdk.Fail(sdk.CodeInternal, "%v", err)
}
