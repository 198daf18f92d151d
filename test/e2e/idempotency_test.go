package e2e

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const (
	intents    = "/integrations/stripe/payment-intents"
	goodIntent = `{"amount":2000,"currency":"usd","customer":"cus_123"}`
)

// effects returns how many changes took place at Stripe.
func (s *stripe) effects() int { return len(s.Effects()) }

func TestTheSameKeyAnswersTheSameAndActsOnce(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		first := program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", "order-1"))
		if first.Header.Get("Idempotent-Replayed") != "" {
			t.Error("the first answer is marked as replayed")
		}
		same := func(g *program.Gateway, when string) {
			t.Helper()
			again := program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", `"order-1"`))
			if again.Header.Get("Idempotent-Replayed") != "true" || !bytes.Equal(again.Body, first.Body) {
				t.Errorf("%s: %v %s", when, again.Header, again.Body)
			}
		}
		same(g, "at once")
		other := program.Want(t, 422, g.Post(intents, `{"amount":2001,"currency":"usd","customer":"cus_123"}`, "Idempotency-Key", "order-1"))
		if other.Text("code") != "idempotency_key_reused" {
			t.Errorf("another body: %s", other.Body)
		}
		g.Kill()
		h.PluginsGone(orphanLimit)
		g = h.Serve(apiToken)
		same(g, "after a crash")

		// Without a key, and with another, each request is its own.
		program.Want(t, 200, g.Post(intents, goodIntent))
		program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", "order-2"))
		if got := h.stripe.effects(); got != 3 {
			t.Errorf("%d effects, want 3", got)
		}
		keys := map[string]bool{}
		for _, call := range h.stripe.asked() {
			keys[call.key] = true
		}
		if len(keys) != 3 || keys["order-1"] || keys["order-2"] || keys[""] {
			t.Errorf("the keys at Stripe are %v", keys)
		}
	})
}

func TestAKeyThatIsUnderWayIsAConflict(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		finish := make(chan struct{})
		defer sync.OnceFunc(func() { close(finish) })() // also when the test fails
		if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: finish}); err != nil {
			t.Fatal(err)
		}
		slow := program.Request{Method: "POST", Path: intents, Body: goodIntent, Header: map[string]string{"Idempotency-Key": "order-1"}}
		type result struct {
			answer program.Response
			err    error
		}
		first := make(chan result, 1)
		go func() { // ends with its request, which has a time limit
			answer, err := g.Send(slow)
			first <- result{answer, err}
		}()
		testkit.Eventually(t, eventually, "Stripe is asked", func() bool { return len(h.stripe.asked()) == 1 })
		for range 5 {
			busy := program.Want(t, 409, g.Do(slow))
			if busy.Text("code") != "idempotency_key_in_progress" || busy.Header.Get("Retry-After") == "" {
				t.Errorf("under way: %v %s", busy.Header, busy.Body)
			}
		}
		finish <- struct{}{}
		done := <-first
		if done.err != nil || done.answer.Status != 200 {
			t.Fatalf("the first: %d %s, %v", done.answer.Status, done.answer.Body, done.err)
		}
		again := program.Want(t, 200, g.Do(slow))
		if again.Header.Get("Idempotent-Replayed") != "true" || !bytes.Equal(again.Body, done.answer.Body) {
			t.Errorf("afterwards: %s", again.Body)
		}
		if asked, effects := len(h.stripe.asked()), h.stripe.effects(); asked != 1 || effects != 1 {
			t.Errorf("Stripe was asked %d times, with %d effects", asked, effects)
		}
	})
}

func TestManyRequestsWithOneKeyActOnce(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		if err := h.stripe.SetChance(stripedouble.Chance{CutBefore: 0.2, CutAfter: 0.2, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		bodies := make([][]byte, 20)
		var wg sync.WaitGroup
		for i := range bodies {
			wg.Go(func() {
				// As a client does that was told to try again.
				for range 2000 {
					answer, err := g.Send(program.Request{Method: "POST", Path: intents, Body: goodIntent, Header: map[string]string{"Idempotency-Key": "order-1"}})
					if err == nil && answer.Status == 200 {
						bodies[i] = answer.Body
						return
					}
				}
			})
		}
		wg.Wait()
		for i := range bodies {
			if len(bodies[i]) == 0 || !bytes.Equal(bodies[i], bodies[0]) {
				t.Errorf("answer %d is %s, the first %s", i, bodies[i], bodies[0])
			}
		}
		if got := h.stripe.effects(); got != 1 {
			t.Errorf("%d effects", got)
		}
	})
}

func TestADeclineIsReplayedAndARefusalOfTheGatewayIsNot(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		declined := `{"amount":40002,"currency":"usd"}`
		first := program.Want(t, 402, g.Post(intents, declined, "Idempotency-Key", "order-1"))
		again := program.Want(t, 402, g.Post(intents, declined, "Idempotency-Key", "order-1"))
		if again.Header.Get("Idempotent-Replayed") != "true" || again.Text("stripe.declineCode") != first.Text("stripe.declineCode") {
			t.Errorf("replayed: %v %s", again.Header, again.Body)
		}
		if got := len(h.stripe.asked()); got != 1 {
			t.Errorf("Stripe was asked %d times", got)
		}
		// A mistake leaves the key free for the request that was meant.
		program.Want(t, 422, g.Post(intents, `{"amount":-1,"currency":"usd"}`, "Idempotency-Key", "order-2"))
		program.Want(t, 401, g.Do(program.Request{Method: "POST", Path: intents, Body: goodIntent, Token: "none", Header: map[string]string{"Idempotency-Key": "order-2"}}))
		program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", "order-2"))
		if got := h.stripe.effects(); got != 1 {
			t.Errorf("%d effects", got)
		}
	})
}

func TestAKeyThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	for _, key := range []string{"", " ", "a b", "ü", `"open`, fmt.Sprintf("%0256d", 1)} {
		if answer := g.Post(intents, goodIntent, "Idempotency-Key", key); answer.Status != 400 {
			t.Errorf("key %q: %d %s", key, answer.Status, answer.Body)
		}
	}
	h.stripe.wantNothing(t)
	program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", fmt.Sprintf("%0255d", 1)))
}

func TestAKeyStartsOneRun(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		ids := make([]string, 20)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				for range 1000 {
					answer, err := g.Send(program.Request{
						Method: "POST", Path: "/workflows/process-order/runs", Body: order, Header: map[string]string{"Idempotency-Key": "order-1"},
					})
					if err == nil && answer.Status == 202 {
						ids[i] = answer.Text("id")
						return
					}
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("the runs are %v", ids)
			}
		}
		// `wait` is no part of the request that the key stands for.
		run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", order, "Idempotency-Key", "order-1"))
		if run.Text("id") != ids[0] || run.Text("status") != "succeeded" || run.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("waited for: %s", run.Body)
		}
		program.Want(t, 422, g.Post("/workflows/process-order/runs", `{"email":"other@example.com"}`, "Idempotency-Key", "order-1"))
		if got := h.stripe.effects(); got != 2 {
			t.Errorf("%d effects, want a customer and a payment", got)
		}
	})
}
