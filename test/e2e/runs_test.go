package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// approval adds a workflow that waits for a person between its customer and its
// payment, and says how the customer is undone.
var approval = program.Edit{Old: `"workflows": [{`, New: `"workflows": [{
    "id": "approve-order",
    "input": { "type": "object", "required": ["order", "amount"], "properties": { "amount": { "type": "integer" } } },
    "steps": [
      { "id": "customer", "type": "stripe", "action": "createCustomer", "params": { "name": "John Doe" },
        "compensate": [{ "id": "note", "type": "stripe", "action": "createCustomer", "params": { "name": "undone" } }] },
      { "id": "approval", "type": "waitForEvent", "event": "approved {{input.order}}" },
      { "id": "payment", "type": "stripe", "action": "createPaymentIntent",
        "params": { "customer": "{{steps.customer.result.id}}", "amount": "{{input.amount}}", "currency": "usd", "description": "by {{steps.approval.result.by}}" } }
    ]
  }, {`}

// followed is an event of a stream: its id and its data.
type followed struct{ id, data string }

// follow opens the stream of a run after an event, and sends what comes until
// the stream ends or the test.
func follow(t *testing.T, g *program.Gateway, id, after string) <-chan followed {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+"/runs/"+id+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+g.Token)
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("the stream is answered %d, %s", res.StatusCode, got)
	}
	events := make(chan followed, 100)
	go func() { // ends with the stream, or with the test's context
		defer close(events)
		defer func() { _ = res.Body.Close() }() // it was read to its end
		var event followed
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "id":
				event.id = value
			case "data":
				event.data = value
				events <- event
			}
		}
	}()
	return events
}

// until returns the events up to the one whose data holds a text.
func until(t *testing.T, events <-chan followed, text string) (seen []followed) {
	t.Helper()
	for event := range events {
		if seen = append(seen, event); strings.Contains(event.data, text) {
			return seen
		}
	}
	t.Fatalf("the stream ended without %s: %v", text, seen)
	return nil
}

func TestARunIsSignalledAndFollowed(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.edits = append(h.edits, approval)
		g := h.serve(t).In(t)
		refused := program.Want(t, 422, g.Post("/workflows/approve-order/runs", `{"amount":"2000"}`))
		if refused.Text("errors.0.pointer") != "/order" && refused.Text("errors.1.pointer") != "/order" {
			t.Errorf("%s", refused.Body)
		}
		id := program.Want(t, 202, g.Post("/workflows/approve-order/runs", `{"order":7,"amount":2000}`)).Text("id")
		events := follow(t, g, id, "")
		before := until(t, events, `"signal":"approved 7"`)
		for range 3 { // one key, one signal
			program.Want(t, 202, g.Post("/runs/"+id+"/signals/approved%207", `{"by":"Ann"}`, "Idempotency-Key", "order-7"))
		}
		after := until(t, events, `"type":"ended","at"`)
		if _, more := <-events; more {
			t.Error("the stream goes on after the end")
		}
		if !strings.Contains(fmt.Sprint(after), `{"by":"Ann"}`) || !strings.Contains(after[len(after)-1].data, `"status":"succeeded"`) {
			t.Errorf("%v", after)
		}
		again := until(t, follow(t, g, id, before[len(before)-1].id), `"type":"ended","at"`)
		if fmt.Sprint(again) != fmt.Sprint(after) {
			t.Errorf("after %s: %v, want %v", before[len(before)-1].id, again, after)
		}
		if calls := h.stripe.asked(); len(calls) != 2 || calls[1].form.Get("description") != "by Ann" {
			t.Errorf("%+v", calls)
		}
		program.Want(t, 409, g.Post("/runs/"+id+"/signals/approved%207", `{"by":"Bob"}`))
	})
}

func TestACancelledRunIsUndone(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.edits = append(h.edits, approval)
		g := h.serve(t).In(t)
		id := program.Want(t, 202, g.Post("/workflows/approve-order/runs", `{"order":7,"amount":2000}`)).Text("id")
		h.ended(t, g, id, "waiting")
		for range 2 {
			run := program.Want(t, 200, g.Post("/runs/"+id+"/cancel?wait=30s", "", "Idempotency-Key", "k"))
			if run.Text("status") != "cancelled" || run.Text("error.code") != "cancelled" || run.Text("steps.0.status") != "compensated" {
				t.Errorf("%s", run.Body)
			}
		}
		if calls := h.stripe.asked(); len(calls) != 2 || calls[1].form.Get("name") != "undone" {
			t.Errorf("%+v", calls)
		}
		if list := program.Want(t, 200, g.Get("/runs?status=cancelled&workflow=approve-order")); list.Text("data.0.id") != id {
			t.Errorf("%s", list.Body)
		}
		program.Want(t, 409, g.Post("/runs/"+id+"/cancel", ""))
	})
}

// TestARetryAfterADeclineAsksStripeAnew: under the old key Stripe would answer
// the old decline.
func TestARetryAfterADeclineAsksStripeAnew(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t).In(t)
		run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", `{"email":"a@example.com","name":"A","amount":40002}`))
		id := run.Text("id")
		if run.Text("error.code") != "declined" {
			t.Fatalf("%s", run.Body)
		}
		for range 3 { // one key, one retry
			again := program.Want(t, 200, g.Post("/runs/"+id+"/retry?wait=30s", "", "Idempotency-Key", "k"))
			if again.Text("status") != "failed" || again.Text("steps.1.error.stripe.declineCode") != "generic_decline" || fmt.Sprint(again.Field("steps.1.attempts")) != "2" {
				t.Errorf("%s", again.Body)
			}
		}
		calls := h.stripe.asked()
		if len(calls) != 3 || calls[1].operation != calls[2].operation || calls[1].key == calls[2].key {
			t.Errorf("%+v", calls)
		}
	})
}
