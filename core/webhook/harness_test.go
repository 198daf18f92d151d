package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

const (
	secret    = "whsec_the_new_one"
	oldSecret = "whsec_the_old_one"
)

// harness is a gateway's surroundings: a store with a clock, an engine that does
// no more than record starts, and a sender's way to sign.
type harness struct {
	t     testing.TB
	store *memory.Store
	clock *testkit.Clock
	log   bytes.Buffer

	mu       sync.Mutex // guards all below
	runs     []engine.StartRequest
	ids      int
	startErr error // what Start returns instead
	checkErr error // what verify returns instead

	// What gateway runs beside what it has anyway.
	definition *workflow.Definition
	filter     *Filter
}

func newHarness(t testing.TB) *harness {
	h := &harness{t: t, clock: testkit.NewClock(time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC))}
	h.store = memory.New(memory.Options{Now: h.clock.Now})
	return h
}

func (h *harness) newRunID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("run-%d", h.ids)
}

// Start implements Starter: the run and what goes with it are one commit.
func (h *harness) Start(ctx context.Context, request engine.StartRequest) (engine.Run, error) {
	if h.startErr != nil {
		return engine.Run{}, h.startErr
	}
	err := h.store.Commit(ctx, append(request.Once.Ops(), state.Put("run", request.ID, []byte("run"), 0))...)
	if duplicate := request.Once.Duplicate(ctx, h.store, err); duplicate != nil {
		return engine.Run{}, duplicate
	}
	if err != nil {
		return engine.Run{}, fmt.Errorf("engine: start: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs = append(h.runs, request)
	return engine.Run{ID: request.ID, Workflow: request.Workflow}, nil
}

func (h *harness) started() []engine.StartRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.runs)
}

// verify takes an X-Signature that is the hex HMAC-SHA256 over X-Time, a dot and
// the body.
func (h *harness) verify(_ context.Context, request sdk.WebhookRequest) (provider.Verified, error) {
	if h.checkErr != nil {
		return provider.Verified{}, h.checkErr
	}
	headers := http.Header(request.Headers)
	seconds, err := strconv.ParseInt(headers.Get("X-Time"), 10, 64)
	if err != nil {
		return provider.Verified{}, &sdk.WebhookRefusal{Reason: "no time"}
	}
	if age := request.Now.Sub(time.Unix(seconds, 0)); age.Abs() > request.Tolerance {
		return provider.Verified{}, &sdk.WebhookRefusal{Reason: "the signature's time is too far away"}
	}
	for _, s := range request.Secrets {
		if hmac.Equal([]byte(headers.Get("X-Signature")), []byte(sign(s, headers.Get("X-Time"), request.Body))) {
			if reason := headers.Get("X-Unreadable"); reason != "" {
				return provider.Verified{}, &sdk.WebhookRefusal{Reason: reason, Genuine: true}
			}
			var e struct {
				ID, Type string
				Livemode *bool
				Flags    []string
			}
			_ = json.Unmarshal(request.Body, &e) // what is no JSON has no id
			verified := provider.Verified{ID: e.ID + headers.Get("X-Event"), Type: e.Type, Livemode: e.Livemode, Flags: e.Flags}
			if headers.Get("X-Event") != "" { // which is not signed
				verified.Content = request.Body
			}
			return verified, nil
		}
	}
	return provider.Verified{}, &sdk.WebhookRefusal{Reason: "no secret matches " + request.Secrets[0]}
}

func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// delivery is what a sender sends.
type delivery struct {
	headers http.Header
	body    []byte
}

// send makes a delivery signed now.
func (h *harness) send(secret, body string) delivery {
	at := strconv.FormatInt(h.clock.Now().Unix(), 10)
	return delivery{
		headers: http.Header{
			"Content-Type": {"application/json"},
			"X-Time":       {at},
			"X-Signature":  {sign(secret, at, []byte(body))},
		},
		body: []byte(body),
	}
}

func (h *harness) options() Options {
	return Options{
		Intake: h.intake(), Path: "/webhooks/stripe", Provider: provider.Provider{Name: "stripe", Verify: h.verify},
		Secrets: []string{secret, oldSecret}, MaxBodyBytes: 4096, Now: h.clock.Now, Logger: h.logger(),
	}
}

func (h *harness) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (h *harness) intakeOptions() IntakeOptions {
	return IntakeOptions{
		Webhook: "stripe-events", Provider: "stripe", Events: event.NewLog(h.store), Starter: h, NewRunID: h.newRunID, Now: h.clock.Now, Logger: h.logger(),
	}
}

// intake makes an intake from the options as they are after the changes.
func (h *harness) intake(change ...func(*IntakeOptions)) *Intake {
	h.t.Helper()
	opt := h.intakeOptions()
	for _, f := range change {
		f(&opt)
	}
	in, err := NewIntake(opt)
	if err != nil {
		h.t.Fatal(err)
	}
	return in
}

// receiver makes a receiver, as a gateway does at its start.
func (h *harness) receiver() *Receiver {
	h.t.Helper()
	r, err := NewReceiver(h.options())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func receive(t *testing.T, r *Receiver, d delivery) (Receipt, error) {
	t.Helper()
	return r.Receive(t.Context(), Request{Method: "POST", Header: d.headers, Body: d.body, URL: "https://shop.example/webhooks/stripe"})
}

func refused(t *testing.T, err error) *Refusal {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v, want a *Refusal", err)
	}
	return refusal
}

// members lists the index.
func (h *harness) members(set string) []string {
	h.t.Helper()
	all, err := h.store.Range(h.t.Context(), state.Range{Set: set, Limit: 10_000})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

const succeeded = `{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"amount":12345678901234567890}}}`
