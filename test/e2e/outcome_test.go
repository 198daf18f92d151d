package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

// TestAPaymentWhoseKeyIsInUseIsMadeOnce: the first attempt times out and is still under
// way at Stripe, the second is told so (409), the third gets the payment.
func TestAPaymentWhoseKeyIsInUseIsMadeOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.edits = append(h.edits, program.Edit{Old: `"workflows": [{`, New: `"plugins": [{ "name": "stripe", "timeout": "1s" }],
  "workflows": [{
    "id": "order",
    "steps": [
      { "id": "reserve", "type": "database", "action": "insert", "params": { "table": "payments", "data": { "stripe_id": "reserved", "amount": 1 } },
        "compensate": [{ "id": "release", "type": "database", "action": "insert", "params": { "table": "payments", "data": { "stripe_id": "released", "amount": 1 } } }] },
      { "id": "payment", "type": "stripe", "action": "createPaymentIntent", "params": { "amount": 2000, "currency": "usd" },
        "retry": { "initialInterval": "50ms", "maxInterval": "50ms" } }
    ]
  }, {`})
	g := h.serve(t)
	finish := make(chan struct{})
	if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: finish}); err != nil {
		t.Fatal(err)
	}
	run := program.Want(t, 202, g.Post("/workflows/order/runs", `{}`)).Text("id")
	testkit.Eventually(t, 30*time.Second, "the key is in use", func() bool {
		return program.Want(t, 200, g.In(t).Get("/runs/"+run)).Text("error.stripe.code") == "idempotency_key_in_use"
	})
	close(finish)
	h.ended(t, g, run, "succeeded")
	calls := h.stripe.asked()
	if len(calls) < 3 || slices.ContainsFunc(calls, func(c asked) bool { return c.key != calls[0].key }) {
		t.Errorf("Stripe was asked %+v", calls)
	}
	if got := h.stripe.effects(); got != 1 {
		t.Errorf("%d payments", got)
	}
	if got := h.payments(t); len(got) != 1 || got[0].stripeID != "reserved" {
		t.Errorf("rows: %+v", got)
	}
}

// till is an API that takes payments, honours keys, and says of a payment what answers
// holds, in turn; the last one again and again.
type till struct {
	*httptest.Server
	mu       sync.Mutex // guards the fields below
	answers  []func(w http.ResponseWriter)
	payments map[string]int // by key
	refunds  int
	asked    []string // the keys of all requests for a payment
}

func newTill(t *testing.T, answers ...func(w http.ResponseWriter)) *till {
	s := &till{answers: answers, payments: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *till) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/refunds" {
		s.refunds++
		_, _ = io.WriteString(w, `{}`)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	s.asked = append(s.asked, key)
	s.payments[key] = 1
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	answer(w)
}

// seen returns how many payments and refunds there are, and the requests so far.
func (s *till) seen() (payments, refunds, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.payments), s.refunds, len(s.asked)
}

func says(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// serveTill serves a till with a workflow "pay"; more are further keys of it, and
// undo that of the payment.
func serveTill(t *testing.T, s *till, more, undo string) *program.Gateway {
	t.Helper()
	site := program.NewSite(t, binaries)
	site.WriteConfig("shop.json", fmt.Sprintf(`{
  %s],
  "customIntegrations": [{ "name": "shop", "baseUrl": %q, "actions": {
    "pay": { "method": "POST", "path": "/payments", "body": { "amount": "{{params.amount}}" }, "idempotencyHeader": "Idempotency-Key" },
    "refund": { "method": "POST", "path": "/refunds", "body": {}, "idempotencyHeader": "Idempotency-Key" }
  } }],
  "workflows": [{ "id": "pay", %s "steps": [
    { "id": "each", "type": "foreach", "items": [1], "steps": [
      { "id": "pay", "type": "shop", "action": "pay", "params": { "amount": 1 }, "retry": { "maxAttempts": 2, "initialInterval": "10ms" } %s }] }
  ] }, { "id": "parent", "steps": [{ "id": "child", "type": "workflow", "workflow": "pay" }] }]
}`, letIn("*").New, s.URL, more, undo))
	return site.Serve(apiToken)
}

// TestAPaymentWhoseAnswerCannotBeKeptIsMadeOnce, however often its run is retried, and
// undone where it can be.
func TestAPaymentWhoseAnswerCannotBeKeptIsMadeOnce(t *testing.T) {
	t.Parallel()
	const undo = `, "compensate": [{ "id": "refund", "type": "shop", "action": "refund" }]`
	for name, answer := range map[string]func(http.ResponseWriter){
		"a key twice": says(200, `{"id":"p1","id":"p2"}`),
		"no number":   says(200, `{"amount":1e2000}`),
		"no UTF-8":    says(200, "{\"name\":\"caf\xe9\"}"),
		"no JSON":     says(201, `<html>`),
		"too large":   says(200, `"`+strings.Repeat("x", 2<<20)+`"`),
		"cut off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTill(t, answer)
			g := serveTill(t, s, "", "")
			run := program.Want(t, 200, g.Post("/workflows/parent/runs?wait=30s", `{}`))
			if run.Text("status") != "failed" {
				t.Fatalf("%s", run.Body)
			}
			_, _, before := s.seen()
			program.Want(t, 200, g.Post("/runs/"+run.Text("id")+"/retry?wait=30s", ""))
			if payments, _, requests := s.seen(); payments != 1 || requests <= before {
				t.Errorf("%d payments in %d requests, %d of them before the retry", payments, requests, before)
			}

			s = newTill(t, answer)
			g = serveTill(t, s, "", undo)
			run = program.Want(t, 200, g.Post("/workflows/pay/runs?wait=30s", `{}`))
			if run.Text("status") != "failed" {
				t.Fatalf("%s", run.Body)
			}
			if payments, refunds, _ := s.seen(); payments != 1 || refunds != 1 {
				t.Errorf("%d payments and %d refunds: %s", payments, refunds, run.Body)
			}
		})
	}
}

// TestAPaymentThatMayStandIsNotUndoneByItself: a person decides, or the workflow has.
func TestAPaymentThatMayStandIsNotUndoneByItself(t *testing.T) {
	t.Parallel()
	const undo = `, "compensate": [{ "id": "refund", "type": "shop", "action": "refund" }]`
	lost := says(424, `{"error":"a dependency failed"}`)

	s := newTill(t, lost, lost, says(200, `{"id":"p1"}`))
	g := serveTill(t, s, "", undo)
	waiting := func(g *program.Gateway) string {
		id := program.Want(t, 202, g.Post("/workflows/pay/runs", `{}`)).Text("id")
		testkit.Eventually(t, 30*time.Second, "the run waits for a decision", func() bool {
			return program.Want(t, 200, g.Get("/runs/"+id)).Text("waitingFor") == "decision"
		})
		return id
	}
	id := waiting(g)
	if _, refunds, _ := s.seen(); refunds != 0 {
		t.Errorf("%d refunds before anyone has decided", refunds)
	}
	run := program.Want(t, 200, g.Post("/runs/"+id+"/retry?wait=30s", ""))
	if payments, refunds, _ := s.seen(); run.Text("status") != "succeeded" || payments != 1 || refunds != 0 {
		t.Errorf("%d payments and %d refunds: %s", payments, refunds, run.Body)
	}

	s = newTill(t, lost)
	g = serveTill(t, s, "", undo)
	id = waiting(g)
	run = program.Want(t, 200, g.Post("/runs/"+id+"/cancel?wait=30s", ""))
	if payments, refunds, _ := s.seen(); run.Text("status") != "cancelled" || payments != 1 || refunds != 1 {
		t.Errorf("%d payments and %d refunds: %s", payments, refunds, run.Body)
	}

	s = newTill(t, lost)
	g = serveTill(t, s, `"onUnknown": "compensate",`, undo)
	run = program.Want(t, 200, g.Post("/workflows/pay/runs?wait=30s", `{}`))
	if payments, refunds, _ := s.seen(); run.Text("status") != "failed" || payments != 1 || refunds != 1 {
		t.Errorf("%d payments and %d refunds: %s", payments, refunds, run.Body)
	}
}
