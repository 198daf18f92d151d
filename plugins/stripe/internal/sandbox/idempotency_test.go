package sandbox

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/deliver"
)

// later is the real clock, moved on by a while.
type later struct {
	deliver.RealClock
	by time.Duration
}

func (c later) Now() time.Time { return time.Now().Add(c.by) }

const order = "amount=2000&currency=usd"

func TestARepeatOfAKeyIsAnsweredAsBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	first := b.post("/v1/payment_intents", order, "Idempotency-Key", "k")
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first is a replay")
	}
	// The order of params, and how they are encoded, makes no other request.
	again := b.post("/v1/payment_intents", "currency=usd&amount=2000", "Idempotency-Key", "k")
	if string(again.Raw) != string(first.Raw) || again.Header.Get("Idempotent-Replayed") != "true" || again.Header.Get("Original-Request") != first.Header.Get("Request-Id") {
		t.Errorf("%v %s", again.Header, again.Raw)
	}
	for path, form := range map[string]string{"/v1/payment_intents": "amount=2001&currency=usd", "/v1/customers": ""} {
		b.refused(400, "idempotency_error", http.MethodPost, path, form, "Idempotency-Key", "k")
	}
	b.refused(400, "parameter_invalid", http.MethodPost, "/v1/payment_intents", order, "Idempotency-Key", strings.Repeat("k", 256))

	// Another account has keys of its own.
	other := &box{Sandbox: b.Sandbox, t: t, account: "acct_1"}
	if there := other.post("/v1/payment_intents", order, "Idempotency-Key", "k"); there.text("id") == first.text("id") {
		t.Error("a key of one account works in another")
	}
	if n := other.get("/v1/payment_intents", "").text("data.#"); n != "1" {
		t.Errorf("%s payment intents", n)
	}

	// It survives a restart, and 24 hours later is as if it had never been used.
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, Options{Dir: dir, Clock: later{by: 23 * time.Hour}})
	if r := b.post("/v1/payment_intents", order, "Idempotency-Key", "k"); r.text("id") != first.text("id") {
		t.Error("the key did not survive a restart")
	}
	b = open(t, Options{Dir: dir, Clock: later{by: 25 * time.Hour}})
	if r := b.post("/v1/payment_intents", order, "Idempotency-Key", "k"); r.text("id") == first.text("id") {
		t.Error("the key is kept longer than 24 hours")
	}
}

func TestWhatIsKeptUnderAKeyAndWhatIsNot(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	key := func(k string) []string { return []string{"Idempotency-Key", k} }
	replayed := func(r reply) bool { return r.Header.Get("Idempotent-Replayed") == "true" }

	// A decline is.
	const declined = order + "&confirm=true&payment_method=pm_card_chargeDeclined"
	first := b.refused(402, "card_declined", http.MethodPost, "/v1/payment_intents", declined, key("decline")...)
	again := b.refused(402, "card_declined", http.MethodPost, "/v1/payment_intents", declined, key("decline")...)
	if !replayed(again) || string(again.Raw) != string(first.Raw) {
		t.Errorf("a decline is not kept: %s", again.Raw)
	}
	// So is a refusal of what the state forbids.
	id := first.text("error.payment_intent.id")
	b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/payment_intents/"+id+"/capture", "", key("state")...)
	if !replayed(b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/payment_intents/"+id+"/capture", "", key("state")...)) {
		t.Error("a refusal of the state is not kept")
	}
	// A refusal of params is not: once the customer exists, the same request succeeds.
	b.refused(404, "resource_missing", http.MethodGet, "/v1/payment_intents/pi_no", "")
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/payment_intents", "amount=2000", key("params")...)
	b.post("/v1/payment_intents", order, key("params")...)
	// A failure of Stripe's is, whether the effect stands or not.
	for kind, count := range map[string]string{"error": "0", "error_after": "1"} {
		b.do("fault", `{"kind":"`+kind+`","operation":"PostCustomers"}`)
		b.refused(500, "api_error", http.MethodPost, "/v1/customers", "email="+kind+"@x.y", key(kind)...)
		if !replayed(b.refused(500, "api_error", http.MethodPost, "/v1/customers", "email="+kind+"@x.y", key(kind)...)) {
			t.Errorf("%s is not kept", kind)
		}
		if n := b.get("/v1/customers", "email="+kind+"@x.y").text("data.#"); n != count {
			t.Errorf("%s left %s customers", kind, n)
		}
	}
	// GET and DELETE have no keys.
	made := b.post("/v1/customers", "email=a@b.c").text("id")
	b.good(b.send(http.MethodGet, "/v1/customers/"+made, "", key("decline")...), "", "")
	b.good(b.send(http.MethodDelete, "/v1/customers/"+made, "", key("decline")...), "", "")
	// What stripe-mock responds to is kept, too.
	file := b.post("/v1/terminal/locations", "display_name=x&address[country]=US", key("mock")...)
	if r := b.post("/v1/terminal/locations", "display_name=x&address[country]=US", key("mock")...); !replayed(r) || string(r.Raw) != string(file.Raw) {
		t.Errorf("not replayed: %v", r.Header)
	}
}

// gate is the real clock, but a wait for a time alone lasts until it is opened.
type gate struct {
	deliver.RealClock
	opened chan struct{}
}

func (g gate) Wait(ctx context.Context, until time.Time, woken <-chan struct{}) {
	if woken != nil {
		g.RealClock.Wait(ctx, until, woken)
		return
	}
	select {
	case <-g.opened:
	case <-ctx.Done():
	}
}

func TestOneKeyAtATime(t *testing.T) {
	t.Parallel()
	clock := gate{opened: make(chan struct{})}
	b := open(t, Options{Clock: clock})
	b.do("fault", `{"kind":"slow","operation":"PostPaymentIntents"}`)
	var slow reply
	var work sync.WaitGroup
	work.Go(func() { slow, _ = b.try(http.MethodPost, "/v1/payment_intents", order, "Idempotency-Key", "k") })
	testkit.Eventually(t, 10*time.Second, "the slow request is under way", func() bool { return b.do("status", "").text("faults.#") == "0" })
	r := b.refused(409, "idempotency_key_in_use", http.MethodPost, "/v1/payment_intents", order, "Idempotency-Key", "k")
	b.shows(r, map[string]string{"error.type": "idempotency_error"})
	b.post("/v1/payment_intents", order, "Idempotency-Key", "k2")
	close(clock.opened)
	work.Wait()
	if again := b.post("/v1/payment_intents", order, "Idempotency-Key", "k"); slow.Status != 200 || again.text("id") != slow.text("id") {
		t.Errorf("%d %s, then %s", slow.Status, slow.Raw, again.Raw)
	}
}

func TestManyAtOnceUnderOneKeyHaveOneEffect(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.account = "acct_1"
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			r, err := b.try(http.MethodPost, "/v1/payment_intents", order+"&confirm=true&payment_method=pm_card_visa", "Idempotency-Key", "k")
			if err != nil || r.Status != 200 && r.Status != 409 {
				t.Errorf("%d %v", r.Status, err)
			}
		})
		work.Go(func() {
			if r, err := b.try(http.MethodPost, "/v1/customers", "email=a@b.c"); err != nil || r.Status != 200 {
				t.Errorf("%d %v", r.Status, err)
			}
		})
	}
	work.Wait()
	if n := b.get("/v1/charges", "").text("data.#"); n != "1" {
		t.Errorf("%s charges", n)
	}
	if n := b.get("/v1/customers", "limit=100&email=a@b.c").text("data.#"); n != "16" {
		t.Errorf("%s customers", n)
	}
}
