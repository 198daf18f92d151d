// Package sandbox stands in for Stripe on a developer's machine, on the loopback
// interface: a stateful double of the operations that its modules have, with
// Stripe's own stripe-mock behind it for the rest.
//
// The parts: mock is stripe-mock, resource what an area is written on (its package
// comment is the guide), payment, billing, checkout, dispute, payout and connect the
// areas, rating the arithmetic of billing, store the state in one SQLite file, deliver
// the sending of events. This package serves them: requests, idempotency, faults,
// timers, and the commands that control it.
//
// The package imports plugins/stripe/internal/random,
// plugins/stripe/internal/sandbox/billing, plugins/stripe/internal/sandbox/checkout,
// plugins/stripe/internal/sandbox/connect, plugins/stripe/internal/sandbox/deliver,
// plugins/stripe/internal/sandbox/dispute, plugins/stripe/internal/sandbox/mock,
// plugins/stripe/internal/sandbox/payment, plugins/stripe/internal/sandbox/payout,
// plugins/stripe/internal/sandbox/resource, plugins/stripe/internal/sandbox/store,
// sdk, sdk/schema, sdk/span and sdk/suggest.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/deliver"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// Key is the one secret key that the sandbox takes. stripe-mock wants "sk", "test"
// and one part more.
const Key = "sk_test_sandbox"

// Options are what a sandbox is started with.
type Options struct {
	// Dir is where the state is kept; in memory when it is empty.
	Dir string
	// Webhooks are where all events go.
	Webhooks []deliver.Target
	// Clock is the time of the machine; nil means just that.
	Clock deliver.Clock
	// Mock is stripe-mock; nil has it read, which takes a few tenths of a second.
	Mock *mock.Mock
	// Logger takes what happens behind requests; nil means slog's default.
	Logger *slog.Logger
}

// Sandbox is a running double of Stripe.
type Sandbox struct {
	address string
	server  *http.Server
	clock   deliver.Clock
	log     *slog.Logger
	options Options
	work    sync.WaitGroup
	// ctx ends with Close, by stop.
	ctx  context.Context
	stop context.CancelFunc

	faults faults
	keys   keysUnderWay
	// timers wakes what waits for the next timer. It holds one call.
	timers chan struct{}
	// sinceTrim counts writes since the state was last looked over; full says that it
	// holds as many objects as it may.
	sinceTrim atomic.Int64
	full      atomic.Bool

	// ready is closed when what follows, or failure, is set.
	ready     chan struct{}
	failure   error
	mock      *mock.Mock
	state     *store.Store
	env       *resource.Env
	deliverer *deliver.Deliverer
}

// Start listens on a free port of 127.0.0.1 and returns at once; requests wait
// until the description of the API is read, which takes a few tenths of a second, and
// the state is open. Close ends it.
func Start(options Options) (*Sandbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if options.Clock == nil {
		options.Clock = deliver.RealClock{}
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Sandbox{
		address: listener.Addr().String(), clock: options.Clock, log: options.Logger, options: options, ctx: ctx, stop: stop,
		timers: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.work.Go(func() {
		if s.failure = s.load(ctx); s.failure != nil && ctx.Err() == nil {
			s.log.Error("the Stripe sandbox cannot start", "error", s.failure)
		}
		close(s.ready)
		if s.failure == nil {
			s.fireTimers(ctx)
		}
	})
	s.work.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the Stripe sandbox ended", "error", err)
		}
	})
	return s, nil
}

// URL is where the sandbox is served, without a path.
func (s *Sandbox) URL() string { return "http://" + s.address }

// Close ends the sandbox, breaks connections that are open, and waits until
// nothing of it is left.
func (s *Sandbox) Close() error {
	err := s.server.Close()
	s.stop()
	s.work.Wait()
	if s.deliverer != nil {
		s.deliverer.Close()
	}
	if s.state != nil {
		err = errors.Join(err, s.state.Close())
	}
	return err
}

// Wait waits until requests are served, and returns why they will not be.
func (s *Sandbox) Wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// load reads the description, and opens the state.
func (s *Sandbox) load(ctx context.Context) error {
	var err error
	if s.mock = s.options.Mock; s.mock == nil {
		if s.mock, err = mock.Load(); err != nil {
			return err
		}
	}
	module := modules()
	s.env = &resource.Env{Mock: s.mock, Module: &module}
	for _, target := range s.options.Webhooks {
		s.env.Targets = append(s.env.Targets, target.Name)
	}
	state, err := store.Open(ctx, s.options.Dir)
	if err != nil {
		return err
	}
	s.state = state
	if err := s.seed(ctx, false); err != nil {
		return err
	}
	s.deliverer = deliver.New(state, s.clock, s.log, s.options.Webhooks, s.endpoint, s.located)
	s.deliverer.Wake()
	return nil
}

// settingSeeded says that the objects are there that the sandbox begins with.
const settingSeeded = "seeded"

// seed empties the state and makes the objects that the sandbox begins with; unless
// that is asked for anew, only once for a state.
func (s *Sandbox) seed(ctx context.Context, anew bool) error {
	tx, err := s.state.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if !anew && tx.Setting(settingSeeded) != "" {
		return tx.Err()
	}
	tx.Clear()
	tx.Set(settingSeeded, "true")
	t := s.env.Begin(tx, "", s.clock.Now(), s.clock.Now(), nil)
	t.Seed()
	if err := t.Err(); err != nil {
		return err
	}
	return tx.Commit()
}

// settingOffset is how far the sandbox's time is ahead of the machine's, in seconds.
const settingOffset = "offset"

// offset reads how far the sandbox's time is ahead.
func offset(tx *store.Tx) time.Duration {
	seconds, err := strconv.ParseInt(tx.Setting(settingOffset), 10, 64)
	if err != nil {
		return 0 // it was never moved
	}
	return time.Duration(seconds) * time.Second
}

func setOffset(tx *store.Tx, ahead time.Duration) {
	tx.Set(settingOffset, strconv.FormatInt(int64(ahead/time.Second), 10))
}

// errUndo ends a change that is not to stand, and is no failure.
var errUndo = errors.New("undone")

// change does something to the state in one transaction: all, or nothing where it
// returns an error, of which errUndo is none of the caller's. It returns the
// events that were made, by their type. A panic is an error, errPanic: whatever runs
// this, the sandbox goes on with the state as it was.
func (s *Sandbox) change(ctx context.Context, account string, request *resource.Request, do func(tx *store.Tx, t *resource.Tx) error) (events map[string]int, err error) {
	tx, err := s.state.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	now := s.clock.Now()
	t := s.env.Begin(tx, account, now, now.Add(offset(tx)), request)
	err = errors.Join(s.guard(func() error { return do(tx, t) }), t.Err())
	switch {
	case errors.Is(err, errUndo) && t.Err() == nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	s.trim(tx, now)
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	wake(s.timers)
	return t.Events(), nil
}

// errPanic is the error of a change that panicked.
var errPanic = errors.New("the Stripe sandbox failed; its log says why")

// guard runs something, and returns errPanic where it panics. The stack goes to the log.
func (s *Sandbox) guard(run func() error) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			s.log.Error("panic in the Stripe sandbox", "panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return run()
}

// sleep waits for a while, or until the sandbox ends.
func (s *Sandbox) sleep(wait time.Duration) { s.clock.Wait(s.ctx, s.clock.Now().Add(wait), nil) }

func wake(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default: // it is awake already
	}
}

const (
	// maxObjects bounds the objects of the state; beyond it nothing is created.
	maxObjects = 200_000
	// trimEvery is after how many changes the state is looked over.
	trimEvery = 500
	// eventLifetime is how long events can be listed
	// (https://docs.stripe.com/api/events/list).
	eventLifetime = 30 * 24 * time.Hour
)

// trim forgets old events, and what cannot be delivered, now and then.
func (s *Sandbox) trim(tx *store.Tx, now time.Time) {
	if s.sinceTrim.Add(1)%trimEvery != 0 {
		return
	}
	tx.Trim(resource.Event, resource.MaxEventsKept, now.Add(-eventLifetime).Unix())
	if dropped := tx.DropDeliveries(resource.MaxDeliveries); dropped > 0 {
		s.log.Warn("the Stripe sandbox dropped events that no webhook took", "events", dropped)
	}
	s.full.Store(tx.Count("") > maxObjects)
}
