package gateway

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/core/engine"
)

// health is a StoreHealth that a test sets.
type health struct {
	down   atomic.Bool
	checks atomic.Int32
}

func (h *health) StoreDown() bool { return h.down.Load() }
func (h *health) Check()          { h.checks.Add(1) }

// slowRuns never answer a read before its context ends.
type slowRuns struct{ Runs }

func (slowRuns) Get(ctx context.Context, _ string) (engine.Run, error) {
	<-ctx.Done()
	return engine.Run{}, ctx.Err()
}

func (slowRuns) List(ctx context.Context, _ engine.ListRequest) (engine.List, error) {
	<-ctx.Done()
	return engine.List{}, ctx.Err()
}

// TestAKnownOutageIsAnsweredAtOnce: nothing of the store is asked, but for reads,
// which a store with a full disk can do.
func TestAKnownOutageIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	store := &health{}
	h := newHarness(t, func(o *Options) { o.Store = store })
	run := fields(t, h.send("POST", startPath+"?wait=10s", `{"amount":1}`).Body.Bytes())["id"].(string)
	store.down.Store(true)
	before := len(h.integration.called())
	for _, target := range []string{
		"POST " + startPath, "POST /runs/" + run + "/cancel", "POST /runs/" + run + "/retry", "POST /runs/" + run + "/signals/x",
		"GET /runs/" + run + "/stream", "POST /webhooks/shop", "POST " + paymentsPath,
	} {
		method, path, _ := strings.Cut(target, " ")
		rec := h.send(method, path, `{"amount":1}`, "Idempotency-Key: k", "X-Signature: good", "X-Event: e")
		wantCode(t, rec, 503, "unavailable")
		if rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "the state store cannot be reached") {
			t.Errorf("%s: %v %s", target, rec.Header(), rec.Body)
		}
	}
	if len(h.integration.called()) != before {
		t.Error("something was called")
	}
	for target, status := range map[string]int{
		"GET /runs": 200, "GET /runs/" + run: 200, "GET /workflows": 200, "GET /integrations": 200, "POST " + paymentsPath: 200,
	} {
		method, path, _ := strings.Cut(target, " ")
		body := ""
		if method == http.MethodPost {
			body = `{"amount":1}`
		}
		wantStatus(t, h.send(method, path, body), status)
	}
	store.down.Store(false)
	wantStatus(t, h.send("POST", startPath, `{"amount":1}`), 202)
}

func TestAReadInAKnownOutageEndsSoon(t *testing.T) {
	t.Parallel()
	store := &health{}
	store.down.Store(true)
	h := newHarness(t, func(o *Options) { o.Store, o.Runs = store, slowRuns{o.Runs} })
	for _, path := range []string{"/runs", "/runs/r1"} {
		rec := h.send("GET", path, "")
		wantCode(t, rec, 503, "unavailable")
		if rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

func TestARequestThatFailsForTheStoreHasItChecked(t *testing.T) {
	t.Parallel()
	store := &health{}
	h := newHarness(t, func(o *Options) { o.Store = store })
	h.store.down.Store(true)
	wantCode(t, h.send("POST", startPath, `{"amount":1}`), 503, "unavailable")
	if store.checks.Load() == 0 {
		t.Error("the store was not checked")
	}
}

// TestEachEndpointSaysWhatItDoesWithTheStore: one that shows or changes runs, or
// receives events, uses it.
func TestEachEndpointSaysWhatItDoesWithTheStore(t *testing.T) {
	t.Parallel()
	for _, e := range append(endpoints(), webhookEndpoints(newHarness(t).routes.Webhooks[0])...) {
		area, _, _ := strings.Cut(e.scope, ":")
		stateless := area == "integrations" || strings.Contains(e.path, "/sandbox/") || strings.Contains(e.path, "/refused") || strings.HasSuffix(e.scope, ":read") && area == "workflows" || e.exemptFromOverload || e.path == "/.well-known/webhook-keys"
		if stateless != (e.stateful == usesNoState) {
			t.Errorf("%s %s: %d", e.method, e.path, e.stateful)
		}
		if e.method == http.MethodPost && e.stateful == readsState {
			t.Errorf("%s %s is said to read", e.method, e.path)
		}
	}
}
