package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// TestWhatAnotherProgramWroteIntoRedisIsAFaultOfItsOwn: a record of another type, under
// keys of the gateway's.
func TestWhatAnotherProgramWroteIntoRedisIsAFaultOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.redis.json")
	g := h.serve(t)
	client := h.redis.Client()
	t.Cleanup(func() { _ = client.Close() }) // nothing is asked of it any more
	spoil := func(pattern string) {
		t.Helper()
		keys, err := client.Keys(t.Context(), pattern).Result()
		if err != nil || len(keys) != 1 {
			t.Fatalf("%s: %q, %v", pattern, keys, err)
		}
		if err := client.Del(t.Context(), keys[0]).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.HSet(t.Context(), keys[0], "a", 1).Err(); err != nil {
			t.Fatal(err)
		}
	}

	program.Want(t, 200, g.Post(intents, goodIntent, "Idempotency-Key", "k"))
	spoil("backflow:r:idempotency:*")
	effects := h.stripe.effects()
	for range 2 {
		fault := program.Want(t, 500, g.Post(intents, goodIntent, "Idempotency-Key", "k"))
		if fault.Text("code") != "internal" || fault.Text("type") != "https://github.com/backflow/backflow/blob/main/docs/errors.md#internal" {
			t.Errorf("%s", fault.Body)
		}
	}
	if h.stripe.effects() != effects {
		t.Error("the vendor was called although nobody knows what became of the key")
	}
	if _, log := g.Output(); !strings.Contains(log, "of a type that Backflow does not write") {
		t.Error("the log has no reason")
	}

	start := func() string {
		return program.Want(t, 202, g.Post("/workflows/process-order/runs", order)).Text("id")
	}
	first, broken, last := start(), start(), start()
	for _, id := range []string{first, broken, last} {
		h.ended(t, g, id, "succeeded")
	}
	spoil("backflow:r:run:" + broken)
	list := program.Want(t, 200, g.Get("/runs"))
	for i, id := range []string{last, broken, first} {
		run, _ := list.Field("data").([]any)[i].(map[string]any)
		if run["id"] != id || (run["error"] != nil) != (id == broken) {
			t.Errorf("run %d of the list: %v", i, run)
		}
	}
	if shown := program.Want(t, 500, g.Get("/runs/"+broken)); !strings.Contains(shown.Text("detail"), broken) {
		t.Errorf("%s", shown.Body)
	}
	program.Want(t, 200, g.Get("/runs/"+first))
	h.ended(t, g, start(), "succeeded")
}

// TestAKnownOutageOfTheStoreIsSeenAndAnswered by /readyz and by each request, and its end
// as well.
func TestAKnownOutageOfTheStoreIsSeenAndAnswered(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.redis.json")
	g := h.serve(t)
	program.Want(t, 200, g.Get("/readyz"))
	h.redis.Kill()
	// Whoever notices it first: after one request that failed, all know.
	if failed := g.Post("/workflows/process-order/runs", order); failed.Status != 503 || failed.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", failed.Status, failed.Body)
	}
	if ready := program.Want(t, 503, g.Get("/readyz")); ready.Text("status") != "state store unavailable" {
		t.Errorf("%s", ready.Body)
	}
	for _, r := range []program.Request{
		{Method: "POST", Path: "/workflows/process-order/runs", Body: order}, {Method: "GET", Path: "/runs"},
		{Method: "POST", Path: intents, Body: goodIntent, Header: map[string]string{"Idempotency-Key": "k"}},
		program.StripeDelivery(program.StripeEvent("evt_1", "payment_intent.succeeded", 2000), webhookSecret, time.Now()),
	} {
		if response := program.Want(t, 503, g.Do(r)); response.Header.Get("Retry-After") == "" || response.Text("code") != "unavailable" {
			t.Errorf("%s %s: %v %s", r.Method, r.Path, response.Header, response.Body)
		}
	}
	program.Want(t, 200, g.Post(intents, goodIntent)) // needs no store
	h.redis.Restart()
	testkit.Eventually(t, 30*time.Second, "the gateway is ready again", func() bool { return g.Get("/readyz").Status == 200 })
	program.Want(t, 202, g.Post("/workflows/process-order/runs", order))
}
