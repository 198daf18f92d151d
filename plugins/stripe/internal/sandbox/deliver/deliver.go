// Package deliver sends the events of the sandbox to webhooks, as Stripe does:
// signed, again until they are taken, at least once. It knows the state and HTTP, and
// nothing of what an event is about.
//
// The package imports plugins/stripe/internal/sandbox/store and
// plugins/stripe/internal/signature.
package deliver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// Target is where events go.
type Target struct {
	Name, URL string
	// Secret signs what is sent.
	Secret string
}

// Find returns the target of a name that is in no config, such as an endpoint that was
// made; false if it is there no more.
type Find func(tx *store.Tx, name string) (Target, bool)

// Deliverer sends what is on its way. It is safe for concurrent use.
type Deliverer struct {
	state  *store.Store
	clock  Clock
	log    *slog.Logger
	find   Find
	locate func([]byte) []byte
	fixed  map[string]Target
	client *http.Client
	// ctx: it bounds the deliverer's own goroutines, until Close.
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex // guards senders and closed
	senders map[string]*sender
	closed  bool
}

const (
	// sendTimeout bounds one try.
	sendTimeout = 20 * time.Second
	// giveUpAfter is how long an event is tried
	// (https://docs.stripe.com/webhooks#automatic-retries).
	giveUpAfter = 3 * 24 * time.Hour
	// firstWait and longestWait bound the pauses between tries. Stripe's are hours;
	// on a developer's machine a gateway is back in seconds.
	firstWait   = 500 * time.Millisecond
	longestWait = time.Minute
)

// New returns a deliverer to targets that are fixed, and those that find knows. It
// Locate is the last to change a body before it is signed. It
// does nothing until Wake. Close ends it.
func New(state *store.Store, clock Clock, log *slog.Logger, fixed []Target, find Find, locate func([]byte) []byte) *Deliverer {
	ctx, stop := context.WithCancel(context.Background())
	d := &Deliverer{
		state: state, clock: clock, log: log, find: find, locate: locate, fixed: map[string]Target{}, ctx: ctx, stop: stop,
		client: &http.Client{
			Transport: &http.Transport{DisableKeepAlives: true}, // a gateway that restarts leaves dead connections
			Timeout:   sendTimeout,
			// What a redirect answers with would not be the webhook.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		senders: map[string]*sender{},
	}
	for _, target := range fixed {
		d.fixed[target.Name] = target
	}
	return d
}

// Close stops sending, and waits until nothing of it is left. What has not arrived is
// sent after the next start.
func (d *Deliverer) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.work.Wait()
}

// Wake has what is on its way sent.
func (d *Deliverer) Wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	for _, s := range d.senders {
		s.wake()
	}
	d.work.Go(func() {
		if err := d.startSenders(); err != nil && d.ctx.Err() == nil {
			d.log.Error("the Stripe sandbox cannot read its events", "error", err)
		}
	})
}

// startSenders starts a sender for each target that something is on its way to.
func (d *Deliverer) startSenders() error {
	tx, err := d.state.Begin(d.ctx)
	if err != nil {
		return err
	}
	targets := tx.Targets()
	tx.Rollback()
	if err := tx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, target := range targets {
		if d.senders[target] != nil || d.closed {
			continue
		}
		s := &sender{Deliverer: d, target: target, woken: make(chan struct{}, 1)}
		d.senders[target] = s
		d.work.Go(s.run)
	}
	return nil
}
