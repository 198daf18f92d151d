package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// The tokens of a harness.
const (
	fullToken   = "full-token-of-the-tests"
	narrowToken = "narrow-token-of-the-tests"
	noneToken   = "scopeless-token-of-the-tests"
)

// fakeIntegration is an integration whose actions do what a test says.
type fakeIntegration struct {
	mu     sync.Mutex // guards the fields below
	do     func(ctx context.Context, call sdk.Call) (sdk.Result, error)
	calls  []sdk.Call
	quiet  bool // calls are not noted
	status action.Status
	absent bool // it has never been ready
	// commands are those to its sandbox, which it runs in where control is set.
	commands []sdk.SandboxCommand
	control  func(sdk.SandboxCommand) (json.RawMessage, error)
}

func (*fakeIntegration) Name() string { return "shop" }

var shopManifest = sdk.Manifest{
	Name: "shop", Version: "1.2.3", Description: "Takes payments.",
	Actions: []sdk.ActionSpec{
		{
			Name: "createPayment", Description: "Creates a payment.", HTTP: &sdk.HTTPBinding{Method: "POST", Path: "/payments"},
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour, Sensitive: []string{"client_secret"},
			Params: json.RawMessage(`{"type":"object","properties":{"amount":{"type":"integer","minimum":1},"currency":{"type":"string"}},"required":["amount"],"additionalProperties":false}`),
		},
		{
			Name: "getPayment", HTTP: &sdk.HTTPBinding{Method: "GET", Path: "/payments/:id"},
			Params: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"},"limit":{"type":"integer"}},"required":["id"],"additionalProperties":false}`),
		},
		{
			Name: "cancelPayment", HTTP: &sdk.HTTPBinding{Method: "DELETE", Path: "/payments/:id"}, Writes: true, Repeat: sdk.RepeatIdempotent,
			Params: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}`),
		},
		{
			Name: "call", HTTP: &sdk.HTTPBinding{Method: "POST", Path: "/call"}, ByName: true,
			Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour, Permissions: []string{"Things: Write"},
			Params: json.RawMessage(`{"type":"object","properties":{"do":{"type":"string"}},"required":["do"]}`),
			Variants: []sdk.Variant{
				{Param: "do", Pattern: "get.*", Permissions: []string{"Things: Read"}},
				{Param: "do", Pattern: "long.*", Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 720 * time.Hour},
				{Param: "do", Pattern: "delete.*", Writes: true, Repeat: sdk.RepeatIdempotent},
				{Param: "do", Pattern: "mail.*", Writes: true, Repeat: sdk.RepeatNone},
			},
		},
		{Name: "sendMail", Writes: true, Repeat: sdk.RepeatNone, Params: json.RawMessage(`{"type":"object"}`)},
	},
}

func (s *fakeIntegration) Manifest() *sdk.Manifest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent {
		return nil
	}
	return &shopManifest
}

func (s *fakeIntegration) Status() action.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *fakeIntegration) Execute(ctx context.Context, c action.Call) (sdk.Result, error) {
	call := c.SDK()
	s.mu.Lock()
	if !s.quiet {
		s.calls = append(s.calls, call)
	}
	do := s.do
	s.mu.Unlock()
	return do(ctx, call)
}

func (s *fakeIntegration) does(do func(ctx context.Context, call sdk.Call) (sdk.Result, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.do = do
}

// InSandbox reports whether control is set.
func (s *fakeIntegration) InSandbox() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control != nil
}

func (s *fakeIntegration) ControlSandbox(_ context.Context, command sdk.SandboxCommand) (json.RawMessage, error) {
	s.mu.Lock()
	s.commands = append(s.commands, command)
	control := s.control
	s.mu.Unlock()
	return control(command)
}

// sandboxed has the integration run in its sandbox.
func (s *fakeIntegration) sandboxed(control func(sdk.SandboxCommand) (json.RawMessage, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control = control
}

// fails makes every call fail with e.
func (s *fakeIntegration) fails(e sdk.Error) {
	s.does(func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{}, &e })
}

// succeeds makes every call return body.
func (s *fakeIntegration) succeeds(body string) {
	s.does(func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{Body: []byte(body)}, nil })
}

func (s *fakeIntegration) called() []sdk.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sdk.Call(nil), s.calls...)
}

// downStore is a store that can be taken down.
type downStore struct {
	state.Store
	down atomic.Bool
}

var errDown = fmt.Errorf("%w: dial 127.0.0.1:6379", state.ErrUnavailable)

func (s *downStore) Commit(ctx context.Context, ops ...state.Op) error {
	if s.down.Load() {
		return errDown
	}
	return s.Store.Commit(ctx, ops...)
}

func (s *downStore) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Get(ctx, refs...)
}

// verify accepts requests that say so.
func verify(_ context.Context, r sdk.WebhookRequest) (provider.Verified, error) {
	switch r.Headers["X-Signature"][0] {
	case "good":
		return provider.Verified{ID: r.Headers["X-Event"][0], Type: "paid"}, nil
	case "challenge":
		return provider.Verified{Reply: &provider.Reply{ContentType: "text/plain", Body: r.Body}}, nil
	case "ping":
		return provider.Verified{Reply: &provider.Reply{Status: http.StatusNoContent}}, nil
	case "forged challenge":
		return provider.Verified{}, &provider.Unauthorized{Refusal: &sdk.WebhookRefusal{Reason: "the signature does not match"}}
	case "unknown":
		return provider.Verified{}, errors.New("plugin is down")
	}
	return provider.Verified{}, &sdk.WebhookRefusal{Reason: "the signature does not match"}
}

// harness is a gateway over real parts in memory, and the fake integration.
type harness struct {
	*Gateway
	t           testing.TB
	integration *fakeIntegration
	store       *downStore
	engine      *engine.Engine
	routes      Routes
	log         *logBuffer
	clock       atomic.Int64 // seconds that the ledger's clock is ahead
}

func newHarness(t testing.TB, change ...func(*Options)) *harness {
	t.Helper()
	h := &harness{
		t:           t,
		integration: &fakeIntegration{status: action.Status{State: action.StateReady}},
		store:       &downStore{Store: memory.New(memory.Options{})},
		log:         &logBuffer{},
	}
	h.integration.succeeds(`{"id":"pay_1"}`)
	now := func() time.Time { return time.Now().Add(time.Duration(h.clock.Load()) * time.Second) }
	own, err := lease.Acquire(t.Context(), h.store, lease.Options{Node: "test"})
	must(t, err)
	registry, err := action.NewRegistry(h.integration)
	must(t, err)
	h.engine = engine.New(engine.Options{Store: h.store, Lease: own, Actions: registry, CheckInterval: time.Hour})
	flow, err := workflow.Parse([]byte(`{"id":"process-order","name":"Process","steps":[
		{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":"{{input.amount}}"}}]}`), []string{"input", "steps", "run"})
	must(t, err)
	actions, err := workflow.ParseActions(event.WorkflowID("events"), workflow.Actions{Steps: []byte(`[{"type":"shop","action":"sendMail","params":{}}]`)}, workflow.EventRoots)
	must(t, err)
	must(t, h.engine.SetDefinitions(t.Context(), []*workflow.Definition{flow, actions}))
	h.engine.Run()
	inbox := event.New(event.Options{Store: h.store, Runs: h.engine, Now: now})
	intake, err := webhook.NewIntake(webhook.IntakeOptions{
		Webhook: "events", Provider: "shop", Events: event.NewLog(h.store), Starter: h.engine, Redelivered: inbox.Redelivered, Now: now,
	})
	must(t, err)
	receiver, err := webhook.NewReceiver(webhook.Options{
		Intake: intake, Path: "/webhooks/shop", Provider: provider.Provider{Name: "shop", Verify: verify}, Secrets: []string{"whsec_of_the_test"},
	})
	must(t, err)
	h.routes = Routes{
		Actions:  registry,
		Webhooks: []Webhook{receiver},
		Tokens: []Token{
			{Name: "full", Hash: access.HashOf(fullToken), Scopes: scopes(t, "admin")},
			{Name: "narrow", Hash: access.HashOf(narrowToken), Scopes: scopes(t, "integrations:shop:getPayment", "workflows:other:run")},
			{Name: "none", Hash: access.HashOf(noneToken)},
		},
	}
	bulks := bulk.New(bulk.Options{Store: h.store, Lease: own, Runs: h.engine, Events: inbox, May: func(callerID string, permission ...string) bool { return h.May(callerID, permission...) }})
	compares := reconcile.New(reconcile.Options{Store: h.store, Lease: own, Events: event.NewLog(h.store), Now: now})
	must(t, compares.Set(t.Context(), []reconcile.Webhook{{Name: "events", Intake: intake, List: h.listEvents}}))
	o := Options{
		Services: Services{Runs: h.engine, Events: inbox, Bulks: bulks, Reconciles: compares, Ledger: idempotency.New(h.store, own, idempotency.Options{Now: now})},
		Routes:   h.routes,
		Logger:   telemetry.NewLogger(h.log, telemetry.LogOptions{Level: slog.LevelDebug}),
		Now:      now,
	}
	for _, f := range change {
		f(&o)
	}
	h.Gateway, err = New(o)
	must(t, err)
	bulks.Run()
	compares.Run()
	t.Cleanup(func() {
		compares.Stop()
		bulks.Stop()
		h.stop()
		h.store.down.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(t, h.engine.Stop(ctx))
		o.Ledger.Close()
		must(t, own.Release(ctx))
		must(t, h.store.Close())
	})
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func scopes(t testing.TB, list ...string) []access.Scope {
	t.Helper()
	var parsed []access.Scope
	for _, s := range list {
		scope, err := access.ParseScope(s)
		must(t, err)
		parsed = append(parsed, scope)
	}
	return parsed
}

// send sends a request as the full token; headers are "Name: value" and come
// on top, an empty value takes one away.
func (h *harness) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := request(method, target, body, headers...)
	if strings.HasPrefix(target, "/events/stream") { // it ends when its client goes away
		ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
		defer cancel()
		r = r.WithContext(ctx)
	}
	rec := serve(h, r)
	h.declared(r, rec)
	return rec
}

func serve(handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

func request(method, target, body string, headers ...string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Header.Set("Authorization", "Bearer "+fullToken)
	r.Header.Set("X-Request-Id", "req-1")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, given := range headers {
		name, value, _ := strings.Cut(given, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	return r
}

// fields reads a JSON object.
func fields(t testing.TB, body []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return m
}

func wantStatus(t testing.TB, rec *httptest.ResponseRecorder, status int) {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status %d, want %d: %s", rec.Code, status, rec.Body)
	}
}

func wantCode(t testing.TB, rec *httptest.ResponseRecorder, status int, code sdk.Code) {
	t.Helper()
	wantStatus(t, rec, status)
	if got := fields(t, rec.Body.Bytes())["code"]; got != string(code) || rec.Header().Get("Content-Type") != problemType {
		t.Fatalf("code %v in %s, want %s: %s", got, rec.Header().Get("Content-Type"), code, rec.Body)
	}
}

// logBuffer is a log that many goroutines may write to.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }
