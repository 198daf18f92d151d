package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/telemetry"
)

// Options are what a Gateway is made of.
type Options struct {
	Services
	// Routes are the first ones; see Gateway.Swap.
	Routes Routes
	// Mounts are handlers beside the gateway's own.
	Mounts []Mount
	// Logger gets the access log and faults; nil discards them.
	Logger *slog.Logger
	Limits Limits
	// Now is the clock for the age of idempotency keys; nil is time.Now.
	Now func() time.Time
}

// Gateway serves HTTP. It is safe for concurrent use.
type Gateway struct {
	services Services
	mounts   []Mount
	log      *slog.Logger
	limits   Limits
	now      func() time.Time
	metrics  *metrics

	table     atomic.Pointer[table]
	working   *limiter   // requests that are worked on
	waiting   *limiter   // requests that wait for a run to end
	streaming *limiter   // requests that follow a run
	arriving  *transfers // bodies
	leaving   *transfers // responses

	// stopping ends when the gateway begins to stop, so that no request waits for
	// or follows a run until the drain time is over.
	stopping context.Context
	stop     context.CancelFunc
}

// New makes a gateway. It listens nowhere before Serve.
func New(o Options) (*Gateway, error) {
	if o.Runs == nil || o.Bulks == nil || o.Reconciles == nil || o.Ledger == nil || o.Routes.Actions == nil {
		return nil, errors.New("gateway: runs, bulks, ledger and actions are required")
	}
	if o.Ready == nil {
		o.Ready = func() Readiness { return Readiness{Ready: true, Status: "ready"} }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &Gateway{
		services: o.Services,
		mounts:   slices.Clone(o.Mounts),
		log:      o.Logger,
		limits:   o.Limits.withDefaults(),
		now:      o.Now,
		metrics:  newMetrics(),
	}
	g.working = newLimiter(g.limits.MaxConcurrent)
	g.waiting = newLimiter(g.limits.MaxWaiting)
	g.streaming = newLimiter(g.limits.MaxStreams)
	g.arriving = newTransfers(g.limits.MaxArriving)
	g.leaving = newTransfers(g.limits.MaxLeaving)
	g.stopping, g.stop = context.WithCancel(context.Background())
	if err := g.Swap(o.Routes); err != nil {
		return nil, err
	}
	return g, nil
}

// Swap replaces the routes. They are checked and built first: an error leaves
// the old ones in force. Requests under way finish on those that they began
// with, but for streams: they end where their caller may not follow any more.
func (g *Gateway) Swap(routes Routes) error {
	if routes.Actions == nil {
		return errors.New("gateway: actions are required")
	}
	t, err := newTable(routes, g.mounts)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if old := g.table.Swap(t); old != nil {
		close(old.replaced)
	}
	g.metrics.keep(t)
	return nil
}

// ServeHTTP serves one request. It panics with nothing but http.ErrAbortHandler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	x := &requestContext{Gateway: g, table: g.table.Load(), id: requestID(r), connection: connectionOf(r.Context())}
	r = r.WithContext(telemetry.WithRequestID(r.Context(), x.id))
	rec := &recorder{ResponseWriter: w, request: x}
	h := rec.Header()
	h["X-Request-Id"] = []string{x.id}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	g.metrics.inFlight.Add(1)
	defer func() {
		g.metrics.inFlight.Add(-1)
		g.metrics.ended(x.route, r.Method, rec.status, time.Since(started))
		x.logAccess(rec, r, started)
	}()
	defer x.release()
	defer x.recover(rec, r)
	if err := x.serve(rec, r); err != nil {
		x.sendError(rec, r, err)
	}
}

// Values of headers that each response has. They are shared: nobody changes one.
var (
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	jsonType = []string{"application/json"}
)

// requestID is the client's request id if it is sane, else a new one.
func requestID(r *http.Request) string {
	if ids := r.Header.Values("X-Request-Id"); len(ids) == 1 && telemetry.ValidRequestID(ids[0]) {
		return ids[0]
	}
	return telemetry.NewRequestID()
}
