package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	processlease "github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/notice"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

// vendor makes events and lists them, the youngest first, as most do.
type vendor struct {
	mu     sync.Mutex
	events []sdk.ListedEvent
	calls  int
	pages  int // that were listed
	most   int // events that a page had
	// skew is how far its clock is from that of the gateway.
	skew time.Duration
	// fault may spoil a call, counted from 1.
	fault func(call int, request sdk.ListEventsRequest, page *sdk.EventPage) error
}

// with changes or reads the vendor while it may be asked.
func (v *vendor) with(do func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do()
}

// make makes an event now.
func (v *vendor) make(id string) { v.makeAt(id, time.Now()) }

func (v *vendor) makeAt(id string, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, sdk.ListedEvent{
		WebhookEvent: sdk.WebhookEvent{ID: id, Type: "order.paid", Payload: json.RawMessage(`{"id":"` + id + `"}`)},
		CreatedAt:    at.Add(v.skew).Truncate(time.Second),
	})
}

func (v *vendor) list(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if request.Limit < 1 || request.Limit > sdk.MaxListedEvents || request.Since.IsZero() {
		return sdk.EventPage{}, &sdk.Error{Code: sdk.CodeInvalidParams, Message: fmt.Sprintf("%+v", request)}
	}
	from, _ := strconv.Atoi(request.Cursor)
	var page sdk.EventPage
	fitting := 0
	for i := len(v.events) - 1; i >= 0; i-- {
		e := &v.events[i]
		if e.CreatedAt.Before(request.Since) || !request.Until.IsZero() && !e.CreatedAt.Before(request.Until) {
			continue
		}
		if fitting++; fitting > from+request.Limit {
			page.NextCursor = strconv.Itoa(from + request.Limit)
			break
		}
		if fitting > from {
			page.Events = append(page.Events, *e)
		}
	}
	if v.fault != nil {
		if err := v.fault(v.calls, request, &page); err != nil {
			return sdk.EventPage{}, err
		}
	}
	v.pages++
	v.most = max(v.most, len(page.Events))
	return page, ctx.Err()
}

// runs makes the runs of events: it writes down what would start them.
type runs struct {
	store state.Store
	lease interface{ Fence() state.Op }

	mu      *sync.Mutex
	started *[]string // ids of events, in the order of their starts
	fail    func(id string) error
}

func (r runs) Start(ctx context.Context, request engine.StartRequest) (engine.Run, error) {
	id := request.StartedBy.Event
	if r.fail != nil {
		if err := r.fail(id); err != nil {
			return engine.Run{}, err
		}
	}
	err := r.store.Commit(ctx, append(request.Once.Ops(), r.lease.Fence())...)
	if duplicate := request.Once.Duplicate(ctx, r.store, err); duplicate != nil {
		return engine.Run{}, duplicate
	}
	if err == nil {
		r.mu.Lock()
		*r.started = append(*r.started, id)
		r.mu.Unlock()
	}
	return engine.Run{ID: request.ID}, err
}

// harness is gateways over one store, and a vendor.
type harness struct {
	t      *testing.T
	store  state.Store
	vendor *vendor
	log    *lines

	mu      sync.Mutex
	started []string
	fail    func(id string) error
}

func newHarness(t *testing.T) *harness {
	return &harness{t: t, store: memory.New(memory.Options{}), vendor: &vendor{}, log: &lines{}}
}

// lines are lines of a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count returns how many lines hold a text.
func (l *lines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// gateway is one process.
type gateway struct {
	*reconcile.Reconciler
	h      *harness
	lease  *processlease.Lease
	intake *webhook.Intake
	hook   reconcile.Webhook
}

// gateway starts a gateway that compares the webhook "shop". The caller stops it.
func (h *harness) gateway(node string, hook reconcile.Webhook) *gateway {
	h.t.Helper()
	return h.gatewayAt(node, hook, nil)
}

// gatewayAt is gateway with a clock of its own.
func (h *harness) gatewayAt(node string, hook reconcile.Webhook, now func() time.Time) *gateway {
	h.t.Helper()
	return h.gatewayOver(h.store, node, hook, now)
}

func (h *harness) gatewayOver(store state.Store, node string, hook reconcile.Webhook, now func() time.Time) *gateway {
	h.t.Helper()
	lease, err := processlease.Acquire(h.t.Context(), store, processlease.Options{Node: node})
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	events := event.NewLog(store)
	intake, err := webhook.NewIntake(webhook.IntakeOptions{
		Webhook: "shop", Provider: "shop", Events: events, Logger: log,
		Starter: runs{store: store, lease: lease, mu: &h.mu, started: &h.started, fail: func(id string) error {
			if h.fail == nil {
				return nil
			}
			return h.fail(id)
		}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	g := &gateway{h: h, lease: lease, intake: intake, hook: hook, Reconciler: reconcile.New(reconcile.Options{
		Store: store, Lease: lease, Events: events, Logger: log, Now: now,
	})}
	if g.hook.Intake = intake; g.hook.Name == "" {
		g.hook.Name = "shop"
	}
	if g.hook.List == nil {
		g.hook.List = h.vendor.list
	}
	if err := g.Set(h.t.Context(), []reconcile.Webhook{g.hook}); err != nil {
		h.t.Fatal(err)
	}
	g.Run()
	return g
}

// stop stops a gateway as it should be.
func (g *gateway) stop() {
	g.h.t.Helper()
	g.Stop()
	if err := g.lease.Release(context.Background()); err != nil {
		g.h.t.Error(err)
	}
}

// receive has an event arrive by a request.
func (g *gateway) receive(id string, flags ...string) {
	g.h.t.Helper()
	_, err := g.intake.Take(g.h.t.Context(), webhook.Arrival{Event: event.Event{ID: id, Type: "order.paid", Flags: flags}, Payload: []byte(`{}`)})
	if err != nil {
		g.h.t.Fatal(err)
	}
}

// state returns what is known of the webhook.
func (g *gateway) state() reconcile.State {
	g.h.t.Helper()
	s, err := g.Get(g.h.t.Context(), "shop")
	if err != nil {
		g.h.t.Fatal(err)
	}
	return s
}

// ask asks for a pass, and returns it once it has ended.
func (g *gateway) ask(since time.Duration, dryRun bool) reconcile.Pass {
	g.h.t.Helper()
	p, err := g.Request(g.h.t.Context(), reconcile.Request{
		ID: engine.NewRunID(), Webhook: "shop", Since: time.Now().Add(-since), DryRun: dryRun, By: "alice",
	})
	if err != nil {
		g.h.t.Fatal(err)
	}
	p, err = g.Wait(g.h.t.Context(), "shop", p.ID)
	if err != nil {
		g.h.t.Fatal(err)
	}
	return p
}

// taken returns the events that were started so far, in their order.
func (h *harness) taken() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.started)
}

// notices returns the notices that wait to become events, the first one first.
func (h *harness) notices() (notices []notice.Notice) {
	h.t.Helper()
	members, err := h.store.Range(h.t.Context(), state.Range{Set: layout.SetNotices, Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range members {
		_, id, _ := strings.Cut(m, "/")
		found, err := h.store.Get(h.t.Context(), state.Ref{Bucket: layout.BucketNotice, ID: id})
		if err != nil || found[0] == nil {
			h.t.Fatalf("notice %s: %v", id, err)
		}
		var n notice.Notice
		if err := json.Unmarshal(found[0], &n); err != nil {
			h.t.Fatal(err)
		}
		notices = append(notices, n)
	}
	return notices
}

// flags returns the flags of an event.
func (h *harness) flags(id string) []string {
	h.t.Helper()
	found, err := event.NewLog(h.store).Find(h.t.Context(), "shop", []string{id})
	if err != nil || found[0] == nil {
		h.t.Fatalf("event %s: %v, %v", id, found, err)
	}
	return found[0].Flags
}

// ids are names of events.
func ids(prefix string, from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("%s%05d", prefix, i))
	}
	return ids
}

// unavailable is the error of a vendor that is not there.
func unavailable() error {
	return &sdk.Error{Code: sdk.CodeUpstream, Message: "HTTP 500", Retryable: true}
}

// brief is a pass without the events that it names.
func brief(p *reconcile.Pass) string {
	if p == nil {
		return "no pass"
	}
	short := *p
	short.Events, short.UnknownEvents = nil, nil
	return fmt.Sprintf("%+v", short)
}
