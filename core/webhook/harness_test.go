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
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/sdk"
)

const (
	secret    = "whsec_the_new_one"
	oldSecret = "whsec_the_old_one"
)

// world is a gateway's surroundings: a store with a clock, an engine that does
// no more than record starts, and a sender's way to sign.
type world struct {
	t     *testing.T
	store *memory.Store
	log   bytes.Buffer

	mu       sync.Mutex // guards all below
	now      time.Time
	runs     []engine.StartRequest
	ids      int
	startErr error // what Start answers instead
	checkErr error // what the verifier answers instead
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)}
	w.store = memory.New(memory.Options{Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) newRunID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("run-%d", w.ids)
}

// Start implements Starter: the run and what goes with it are one commit.
func (w *world) Start(ctx context.Context, request engine.StartRequest) (engine.Run, error) {
	if w.startErr != nil {
		return engine.Run{}, w.startErr
	}
	err := w.store.Commit(ctx, append(request.Once.Ops(), state.Put("run", request.ID, []byte("run"), 0))...)
	if errors.As(err, new(*state.ConflictError)) {
		first, err := w.store.Get(ctx, state.Ref{Bucket: request.Once.Bucket, ID: request.Once.Key})
		return engine.Run{}, errors.Join(&engine.DuplicateError{Value: first[0]}, err)
	}
	if err != nil {
		return engine.Run{}, fmt.Errorf("engine: start: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = append(w.runs, request)
	return engine.Run{ID: request.ID, Workflow: request.Workflow}, nil
}

func (w *world) started() []engine.StartRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.runs)
}

// verify takes an X-Signature that is the hex HMAC-SHA256 over X-Time, a dot and
// the body.
func (w *world) verify(_ context.Context, request sdk.WebhookRequest) (Verified, error) {
	if w.checkErr != nil {
		return Verified{}, w.checkErr
	}
	headers := http.Header(request.Headers)
	seconds, err := strconv.ParseInt(headers.Get("X-Time"), 10, 64)
	if err != nil {
		return Verified{}, &sdk.WebhookRefusal{Reason: "no time"}
	}
	if age := request.Now.Sub(time.Unix(seconds, 0)); age.Abs() > request.Tolerance {
		return Verified{}, &sdk.WebhookRefusal{Reason: "the signature's time is too far away"}
	}
	for _, s := range request.Secrets {
		if hmac.Equal([]byte(headers.Get("X-Signature")), []byte(sign(s, headers.Get("X-Time"), request.Body))) {
			var e struct{ ID, Type string }
			_ = json.Unmarshal(request.Body, &e) // what is no JSON has no id
			return Verified{ID: e.ID + headers.Get("X-Event"), Type: e.Type}, nil
		}
	}
	return Verified{}, &sdk.WebhookRefusal{Reason: "no secret matches " + request.Secrets[0]}
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
func (w *world) send(secret, body string) delivery {
	at := strconv.FormatInt(w.clock().Unix(), 10)
	return delivery{
		headers: http.Header{
			"Content-Type": {"application/json"},
			"X-Time":       {at},
			"X-Signature":  {sign(secret, at, []byte(body))},
		},
		body: []byte(body),
	}
}

func (w *world) options() Options {
	return Options{
		Name: "stripe-events", Path: "/webhooks/stripe", Provider: Provider{Name: "stripe", Verify: w.verify},
		Secrets: []string{secret, oldSecret}, Events: event.NewLog(w.store), Starter: w, NewRunID: w.newRunID,
		MaxBodyBytes: 4096, Now: w.clock,
		Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// receiver makes a receiver, as a gateway does at its start.
func (w *world) receiver() *Receiver {
	w.t.Helper()
	r, err := NewReceiver(w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func receive(t *testing.T, r *Receiver, d delivery) (Receipt, error) {
	t.Helper()
	return r.Receive(t.Context(), d.headers, d.body, "https://shop.example/webhooks/stripe")
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
func (w *world) members(set string) []string {
	w.t.Helper()
	all, err := w.store.Range(w.t.Context(), state.Range{Set: set, Limit: 10_000})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

const succeeded = `{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"amount":12345678901234567890}}}`
