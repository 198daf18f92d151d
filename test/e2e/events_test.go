package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// eventIs waits until an event has a status.
func eventIs(t *testing.T, g *program.Gateway, id, status string) (shown program.Response) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, "event "+id+" is "+status, func() bool {
		shown = program.Want(t, 200, g.In(t).Get("/events/"+url.PathEscape(id)))
		return shown.Text("status") == status
	})
	return shown
}

// TestARedeliveryAfterTheRepairMakesTheRow: the table is away, the event fails, the table
// is made, and what the sender repeats makes one row: twenty at once, too.
func TestARedeliveryAfterTheRepairMakesTheRow(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		first := program.StripeDelivery(program.StripeEvent("evt_0", "payment_intent.succeeded", 1), webhookSecret, time.Now())
		program.Want(t, 200, g.Do(first))
		eventIs(t, g, "evt_0", "processed")
		h.alter(t, "ALTER TABLE payments RENAME TO away")
		send := func(id string) program.Response {
			t.Helper()
			return program.Want(t, 200, g.Do(program.StripeDelivery(program.StripeEvent(id, "payment_intent.succeeded", 2000), webhookSecret, time.Now())))
		}
		for _, id := range []string{"evt/1", "evt_2"} {
			send(id)
			if failed := eventIs(t, g, id, "failed"); failed.Field("error") == nil || failed.Text("run") == "" {
				t.Errorf("the failed event is %s", failed.Body)
			}
		}
		list := program.Want(t, 200, g.Get("/events?status=failed&webhook=stripe-events&type=payment_intent.*"))
		if data := list.Field("data").([]any); len(data) != 2 || data[0].(map[string]any)["id"] != "evt_2" {
			t.Errorf("the failed events are %s", list.Body)
		}
		h.alter(t, "ALTER TABLE away RENAME TO payments")

		crowd := program.StripeDelivery(program.StripeEvent("evt/1", "payment_intent.succeeded", 2000), webhookSecret, time.Now())
		var wg sync.WaitGroup
		answers := make([]program.Response, 20)
		errs := make([]error, len(answers))
		for i := range answers {
			wg.Go(func() { answers[i], errs[i] = g.Send(crowd) })
		}
		wg.Wait()
		resumed := 0
		for i, a := range answers {
			if errs[i] != nil || a.Status != 200 || a.Field("duplicate") != true || a.Text("id") != "evt/1" {
				t.Errorf("one of twenty: %d %s, %v", a.Status, a.Body, errs[i])
			} else if a.Field("resumed") == true {
				resumed++
			}
		}
		if resumed != 1 {
			t.Errorf("%d of twenty resumed the run", resumed)
		}
		eventIs(t, g, "evt/1", "processed")
		if again := send("evt/1"); again.Field("resumed") != nil {
			t.Errorf("what is processed: %s", again.Body)
		}

		uid := eventIs(t, g, "evt_2", "failed").Text("uid")
		replayed := program.Want(t, 200, g.Do(program.Request{Method: "POST", Path: "/events/" + uid + "/replay?wait=20s", Body: "{}"}))
		if replayed.Text("status") != "processed" || replayed.Text("id") != "evt_2" {
			t.Errorf("replayed: %s", replayed.Body)
		}
		if again := g.Do(program.Request{Method: "POST", Path: "/events/" + uid + "/replay", Body: "{}"}); again.Status != 409 {
			t.Errorf("nothing was left: %d %s", again.Status, again.Body)
		}
		if got := h.payments(t); len(got) != 3 {
			t.Errorf("the rows are %v", got)
		}
	})
}

// TestTheCommandsOfEventsShowAndRepair: list, show, replay of one and of many.
func TestTheCommandsOfEventsShowAndRepair(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	program.Want(t, 200, g.Do(program.StripeDelivery(program.StripeEvent("evt_0", "payment_intent.succeeded", 1), webhookSecret, time.Now())))
	eventIs(t, g, "evt_0", "processed")
	h.alter(t, "ALTER TABLE payments RENAME TO away")
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		program.Want(t, 200, g.Do(program.StripeDelivery(program.StripeEvent(id, "payment_intent.succeeded", 1), webhookSecret, time.Now())))
		eventIs(t, g, id, "failed")
	}
	h.alter(t, "ALTER TABLE away RENAME TO payments")
	h.Env["BACKFLOW_URL"], h.Env["BACKFLOW_TOKEN"] = g.URL, apiToken
	command := func(args ...string) (out string, code int) {
		t.Helper()
		code, out, diagnostics := h.Run(args...)
		return out + diagnostics, code
	}
	out, code := command("events", "list", "--status", "failed", "-o", "json")
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list.Data) != 3 {
		t.Fatalf("events list: %d %s", code, out)
	}
	if out, code := command("events", "show", "evt_1"); code != 0 || !strings.Contains(out, "pi_of_evt_1") || !strings.Contains(out, "failed") {
		t.Errorf("events show: %d %s", code, out)
	}
	if out, code := command("events", "replay", "evt_1", "--wait"); code != 0 || !strings.Contains(out, "processed") {
		t.Errorf("events replay: %d %s", code, out)
	}
	if out, code := command("events", "replay", "evt_1"); code != 1 || !strings.Contains(out, "fromStart") {
		t.Errorf("events replay of what is processed: %d %s", code, out)
	}
	if out, code := command("events", "replay", "--webhook", "stripe-events", "--status", "failed", "--dry-run"); code != 0 || !strings.Contains(out, "evt_2") {
		t.Errorf("--dry-run: %d %s", code, out)
	}
	if out, code := command("events", "replay", "--webhook", "stripe-events", "--status", "failed", "--yes"); code != 0 || !strings.Contains(out, "2 of 2 done") {
		t.Errorf("--yes: %d %s", code, out)
	}
	eventIs(t, g, "evt_2", "processed")
	eventIs(t, g, "evt_3", "processed")
	if got := h.payments(t); len(got) != 4 {
		t.Errorf("the rows are %v", got)
	}
}
