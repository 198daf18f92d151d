package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/telemetry"
)

func TestAGenuineEventStartsARun(t *testing.T) {
	h := newHarness(t)
	d := h.send(secret, succeeded)
	d.headers["Authorization"] = []string{"Bearer x"}
	d.headers["Stripe-Signature"] = []string{"t=1,v1=abc"}
	d.headers["X-Many"] = []string{"a", "b"}
	ctx := telemetry.WithRequestID(t.Context(), "req-1")
	got, err := h.receiver().Receive(ctx, Request{Header: d.headers, Body: d.body, URL: "/webhooks/stripe?shop=a&tag=1&tag=2&bad=%zz"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Receipt{ID: "evt_1", RunID: "run-1"}); got != want {
		t.Errorf("receipt %+v, want %+v", got, want)
	}
	runs := h.started()
	if len(runs) != 1 {
		t.Fatalf("%d runs, want 1", len(runs))
	}
	run := runs[0]
	if run.ID != "run-1" || run.Workflow != "webhook:stripe-events" || run.RequestID != "req-1" {
		t.Errorf("run %s of %s for request %s", run.ID, run.Workflow, run.RequestID)
	}
	roots := map[string]string{}
	for name, root := range run.Roots {
		roots[name] = string(root.Raw())
	}
	want := map[string]string{
		"payload": succeeded,
		"event":   `{"id":"evt_1","type":"payment_intent.succeeded","webhook":"stripe-events","receivedAt":"2026-11-23T10:00:00.123Z","livemode":null,"flags":[]}`,
		"headers": fmt.Sprintf(`{"content-type":"application/json","x-many":"a, b","x-time":"%d"}`, h.clock.Now().Unix()),
		"query":   `{"shop":"a","tag":"1, 2"}`,
	}
	if diff := cmp.Diff(want, roots); diff != "" {
		t.Error(diff)
	}
}

func TestTheSameEventTwentyAtOnceIsOneRun(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	d := h.send(secret, succeeded)
	var wg sync.WaitGroup
	var mu sync.Mutex
	receipts := map[Receipt]int{}
	for range 20 {
		wg.Go(func() {
			got, err := receive(t, r, d)
			if err != nil {
				t.Error(err)
			}
			got.RunID = "" // each tried with an id of its own
			mu.Lock()
			defer mu.Unlock()
			receipts[got]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[Receipt]int{{ID: "evt_1"}: 1, {ID: "evt_1", Duplicate: true}: 19}, receipts); diff != "" {
		t.Error(diff)
	}
	if n := len(h.started()); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestAnEventIsRememberedOverRestartsForThirtyDays(t *testing.T) {
	h := newHarness(t)
	if _, err := receive(t, h.receiver(), h.send(secret, succeeded)); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, 29 * 24 * time.Hour} {
		h.clock.Advance(later)
		got, err := receive(t, h.receiver(), h.send(secret, succeeded))
		if want := (Receipt{ID: "evt_1", Duplicate: true, RunID: "run-1"}); err != nil || got != want {
			t.Errorf("%v later: %+v, %v; want %+v", later, got, err, want)
		}
	}
	h.clock.Advance(24 * time.Hour)
	if got, err := receive(t, h.receiver(), h.send(secret, succeeded)); err != nil || got.Duplicate {
		t.Errorf("after 30 days: %+v, %v; want a new event", got, err)
	}
}

func TestTheSameIDOnAnotherWebhookIsAnotherEvent(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	opt.Intake, opt.Path = h.intake(func(o *IntakeOptions) { o.Webhook = "other" }), "/other"
	other, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Receiver{h.receiver(), other} {
		if got, err := receive(t, r, h.send(secret, succeeded)); err != nil || got.Duplicate {
			t.Errorf("%s: %+v, %v", r.Name(), got, err)
		}
	}
}

func TestRotationTakesTheOldSecretToo(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	for i, s := range []string{secret, oldSecret} {
		body := fmt.Sprintf(`{"id":"evt_%d","type":"x"}`, i)
		if _, err := receive(t, r, h.send(s, body)); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
	}
}

func TestToleranceHoldsBothWays(t *testing.T) {
	for _, tc := range []struct {
		name    string
		pass    time.Duration // from the signature to now
		genuine bool
	}{
		{"late but in time", 299 * time.Second, true},
		{"too late", 302 * time.Second, false},
		{"early but in time", -299 * time.Second, true},
		{"from the future", -302 * time.Second, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			d := h.send(secret, succeeded)
			h.clock.Advance(tc.pass)
			_, err := receive(t, h.receiver(), d)
			if tc.genuine && err != nil {
				t.Error(err)
			}
			if !tc.genuine && refused(t, err).Kind != RefusedSignature {
				t.Errorf("refused as %v", err)
			}
		})
	}
}

func TestWhatIsRefusedLeavesNothing(t *testing.T) {
	for _, tc := range []struct {
		name    string
		deliver func(h *harness) delivery
		kind    RefusalKind
	}{
		{"wrong secret", func(h *harness) delivery { return h.send("whsec_wrong", succeeded) }, RefusedSignature},
		{"no signature", func(h *harness) delivery {
			d := h.send(secret, succeeded)
			d.headers.Del("X-Signature")
			return d
		}, RefusedSignature},
		{"changed body", func(h *harness) delivery {
			d := h.send(secret, succeeded)
			d.body = append(d.body, ' ')
			return d
		}, RefusedSignature},
		{"too large", func(h *harness) delivery { return h.send(secret, strings.Repeat(" ", 4097)) }, RefusedTooLarge},
		{"no JSON", func(h *harness) delivery {
			d := h.send(secret, "id=evt_1")
			d.headers.Set("X-Event", "evt_1")
			return d
		}, RefusedNotJSON},
		{"empty body", func(h *harness) delivery {
			d := h.send(secret, "")
			d.headers.Set("X-Event", "evt_1")
			return d
		}, RefusedNotJSON},
		{"deeper than any template reads", func(h *harness) delivery {
			d := h.send(secret, strings.Repeat("[", 1000)+strings.Repeat("]", 1000))
			d.headers.Set("X-Event", "evt_1")
			return d
		}, RefusedNotJSON},
		{"no id", func(h *harness) delivery { return h.send(secret, `{"type":"x"}`) }, RefusedEvent},
		{"long id", func(h *harness) delivery {
			return h.send(secret, `{"id":"`+strings.Repeat("x", MaxIDLen+1)+`","type":"x"}`)
		}, RefusedEvent},
		{"long type", func(h *harness) delivery {
			return h.send(secret, `{"id":"evt_1","type":"`+strings.Repeat("x", MaxIDLen+1)+`"}`)
		}, RefusedEvent},
		{"no event, as the provider says", func(h *harness) delivery {
			d := h.send(secret, "\xff")
			d.headers.Set("X-Unreadable", "it holds what is not UTF-8 after "+secret)
			return d
		}, RefusedEvent},
		{"larger than a run takes", func(h *harness) delivery {
			h.startErr = fmt.Errorf("%w: 2 bytes are more than 1", engine.ErrTooLarge)
			return h.send(secret, succeeded)
		}, RefusedTooLarge},
		{"id that is not UTF-8", func(h *harness) delivery {
			d := h.send(secret, `{"type":"x"}`)
			d.headers.Set("X-Event", "\xff")
			return d
		}, RefusedEvent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			r := h.receiver()
			_, err := receive(t, r, tc.deliver(h))
			refusal := refused(t, err)
			if refusal.Kind != tc.kind {
				t.Errorf("refused as %s (%s), want %s", refusal.Kind, refusal.Reason, tc.kind)
			}
			if len(h.started()) != 0 || len(h.members("events")) != 0 {
				t.Error("something was stored")
			}
			h.startErr = nil
			logged := h.log.String()
			genuine := tc.kind != RefusedSignature && tc.name != "too large"
			if refusal.Genuine != genuine || strings.Contains(logged, "webhook refused") == genuine ||
				strings.Contains(logged, "genuine webhook event cannot be kept") != genuine {
				t.Errorf("genuine is %t, logged %q", refusal.Genuine, logged)
			}
			if !strings.Contains(logged, "kind="+string(tc.kind)) || !strings.Contains(logged, "reason=") {
				t.Errorf("logged %q, want kind and reason", logged)
			}
			for _, s := range []string{secret, oldSecret} {
				if strings.Contains(logged, s) || strings.Contains(err.Error(), s) {
					t.Error("a secret is shown")
				}
			}
			// The genuine event that follows is no duplicate.
			if got, err := receive(t, r, h.send(secret, succeeded)); err != nil || got.Duplicate {
				t.Errorf("then: %+v, %v", got, err)
			}
		})
	}
}

func TestEventIDsMayHoldAnything(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	ids := []string{"a/b", "../evt", "evt 1", `"`, "\x00", "événement", "2026-11-23T10:00:00.123Z/x/y", strings.Repeat("x", MaxIDLen)}
	for i, id := range ids {
		d := h.send(secret, fmt.Sprintf(`{"type":"x","of":%d}`, i))
		d.headers["X-Event"] = []string{id}
		if got, err := receive(t, r, d); err != nil || got.Duplicate || got.ID != id {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
		if got, err := receive(t, r, d); err != nil || !got.Duplicate {
			t.Errorf("%q again: %+v, %v", id, got, err)
		}
	}
	if n := len(h.started()); n != len(ids) {
		t.Errorf("%d runs, want %d", n, len(ids))
	}
}

func TestWhatCannotBeDoneNowIsToldSo(t *testing.T) {
	down := fmt.Errorf("sqlite: %w", state.ErrUnavailable)
	for _, tc := range []struct {
		name     string
		breakIt  func(h *harness)
		matches  []error
		tryAgain bool
	}{
		{"plugin down", func(h *harness) { h.checkErr = errors.New("connection refused") }, nil, true},
		{"store down", func(h *harness) { h.startErr = down }, []error{state.ErrUnavailable}, true},
		{"store closed", func(h *harness) { h.startErr = state.ErrClosed }, nil, true},
		{"engine stopping", func(h *harness) { h.startErr = engine.ErrStopped }, nil, true},
		{"overload", func(h *harness) { h.startErr = engine.ErrOverloaded }, nil, true},
		{"sender gone", func(h *harness) { h.startErr = context.Canceled }, nil, true},
		{"a bug", func(h *harness) { h.startErr = engine.ErrUnknownWorkflow }, []error{engine.ErrUnknownWorkflow}, false},
		{"lease lost", func(h *harness) { h.startErr = fmt.Errorf("%w: lost", engine.ErrFenced) }, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			r := h.receiver()
			tc.breakIt(h)
			receipt, err := receive(t, r, h.send(secret, succeeded))
			if err == nil || receipt != (Receipt{}) {
				t.Fatalf("%+v, %v; want an error alone", receipt, err)
			}
			if errors.Is(err, ErrUnavailable) != tc.tryAgain {
				t.Errorf("%v: is ErrUnavailable = %v, want %v", err, !tc.tryAgain, tc.tryAgain)
			}
			for _, m := range tc.matches {
				if !errors.Is(err, m) {
					t.Errorf("%v does not match %v", err, m)
				}
			}
			h.startErr, h.checkErr = nil, nil
			if got, err := receive(t, r, h.send(secret, succeeded)); err != nil || got.Duplicate {
				t.Errorf("then: %+v, %v", got, err)
			}
		})
	}
}

func TestAReceiverWithoutASecretIsRefused(t *testing.T) {
	h := newHarness(t)
	for name, change := range map[string]func(o *Options){
		"no secret":          func(o *Options) { o.Secrets = nil },
		"empty secret":       func(o *Options) { o.Secrets = []string{secret, ""} },
		"white space":        func(o *Options) { o.Secrets = []string{secret + "\n"} },
		"no intake":          func(o *Options) { o.Intake = nil },
		"relative path":      func(o *Options) { o.Path = "webhooks" },
		"no verifier":        func(o *Options) { o.Provider.Verify = nil },
		"no provider":        func(o *Options) { o.Provider.Name = "" },
		"negative tolerance": func(o *Options) { o.Tolerance = -1 },
		"negative body":      func(o *Options) { o.MaxBodyBytes = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			opt := h.options()
			change(&opt)
			_, err := NewReceiver(opt)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("NewReceiver: %v", err)
			}
		})
	}
	r, err := NewReceiver(Options{
		Intake: h.intake(), Path: "/p", Provider: provider.Provider{Name: "stripe", Verify: h.verify}, Secrets: []string{secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.opt.Tolerance != 300*time.Second || r.MaxBodyBytes() != 1<<20 || r.Name() != "stripe-events" || r.Path() != "/p" {
		t.Errorf("defaults: tolerance %v, body %d", r.opt.Tolerance, r.MaxBodyBytes())
	}
}

// TestAnEventWhoseRecordCannotBeReadIsNoDuplicate: whether it was received cannot be
// told, so that the sender has to repeat it.
func TestAnEventWhoseRecordCannotBeReadIsNoDuplicate(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, record := range []string{"", "{", "[]", "null", `{"v":99,"id":"evt_1"}`} {
		if err := h.store.Commit(t.Context(), state.Put(layout.BucketEvent, "stripe-events/evt_1", []byte(record), 0)); err != nil {
			t.Fatal(err)
		}
		if got, err := receive(t, h.receiver(), h.send(secret, succeeded)); err == nil || got.Duplicate || !strings.Contains(err.Error(), "event evt_1") {
			t.Errorf("record %q: %+v, %v", record, got, err)
		}
	}
}
