package e2e

import (
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

func TestSIGTERMLetsRequestsFinishAndLeavesNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		finish := make(chan struct{})
		release := sync.OnceFunc(func() { close(finish) })
		defer release()
		if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: finish, Operation: "POST /v1/payment_intents"}); err != nil {
			t.Fatal(err)
		}
		type result struct {
			answer program.Response
			err    error
		}
		under := make(chan result, 1)
		go func() { // ends with its request, which has a time limit
			answer, err := g.Send(program.Request{Method: "POST", Path: intents, Body: goodIntent})
			under <- result{answer, err}
		}()
		testkit.Eventually(t, eventually, "Stripe is asked", func() bool { return len(h.stripe.asked()) == 1 })
		g.Signal(syscall.SIGTERM)
		testkit.Eventually(t, eventually, "no more requests are taken", func() bool {
			answer, err := g.Send(program.Request{Method: "GET", Path: "/readyz"})
			return err != nil || answer.Status == 503
		})
		release()
		if done := <-under; done.err != nil || done.answer.Status != 200 {
			t.Errorf("the request under way: %d %s, %v", done.answer.Status, done.answer.Body, done.err)
		}
		if code := g.Wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if left := program.Processes(t, h.Plugins); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		if _, log := g.Output(); strings.Contains(log, `"level":"ERROR"`) {
			t.Error("the stop logs errors")
		}
	})
}

func TestARunGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		// The payment is refused until the gateway has stopped and come back.
		if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.RateLimit, Operation: "POST /v1/payment_intents", Times: 1, RetryAfter: 2}); err != nil {
			t.Fatal(err)
		}
		id := program.Want(t, 202, g.Post("/workflows/process-order/runs", order)).Text("id")
		testkit.Eventually(t, eventually, "the payment was refused", func() bool { return len(h.stripe.asked()) == 2 })
		if code := g.Stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		g = h.Serve(apiToken)
		h.ended(t, g, id, "succeeded")
		if got := h.stripe.effects(); got != 2 {
			t.Errorf("%d effects, want a customer and a payment", got)
		}
	})
}

func TestASecondGatewayOnTheSameFileIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	code, _, stderr := h.Run("serve", "-c", h.Config(), "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(stderr, "state.db") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	program.Want(t, 200, g.Post(intents, goodIntent))
	h.stripe.Clear()
}
