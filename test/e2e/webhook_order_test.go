package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// ordered has the events of one amount go in order, or in a lane, by keys of the webhook.
func (h *harness) ordered(keys string) {
	h.edits = append(h.edits, program.Edit{Old: `"provider": "stripe",`, New: `"provider": "stripe", ` + keys + `,`})
}

// serveTwo starts a gateway, and another one over the same store where there can be two.
func (h *harness) serveTwo(t *testing.T) [2]*program.Gateway {
	g := h.serve(t)
	if h.redis == nil {
		return [2]*program.Gateway{g, g}
	}
	return [2]*program.Gateway{g, h.Serve(apiToken)}
}

// restart kills a gateway and starts another in its place.
func (h *harness) restart(g *program.Gateway) *program.Gateway {
	g.Kill()
	if h.redis == nil {
		h.PluginsGone(10 * time.Second)
	}
	return h.Serve(apiToken)
}

// deliver sends an event to a gateway and returns its run.
func deliver(t *testing.T, g *program.Gateway, event string, amount int64) (run string) {
	t.Helper()
	body := program.StripeEvent(event, "payment_intent.succeeded", amount)
	program.Want(t, 200, g.In(t).Do(program.StripeDelivery(body, webhookSecret, time.Now())))
	list := program.Want(t, 200, g.In(t).Get("/runs?workflow=webhook:stripe-events&limit=1"))
	return list.Text("data.0.id")
}

// alter changes the database as another program would.
func (h *harness) alter(t *testing.T, statement string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(h.Dir, "*", "data", "app.db"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%v, %v", paths, err)
	}
	db, err := sql.Open("sqlite", "file:"+paths[0]+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantRun(t *testing.T, g *program.Gateway, id string, want map[string]string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, fmt.Sprintf("run %s is %v", id, want), func() bool {
		run := program.Want(t, 200, g.In(t).Get("/runs/"+id))
		for path, text := range want {
			if run.Text(path) != text {
				return false
			}
		}
		return true
	})
}

// TestEventsOfAKeyWaitForTheFirstWhoseTableIsMissing: while the table is away the first
// event fails and the next of its key waits; one of another key fails by itself. Once
// the table is back, the first is retried, and the others follow in order.
func TestEventsOfAKeyWaitForTheFirstWhoseTableIsMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.ordered(`"ordered": "{{payload.data.object.amount}}", "lane": { "concurrency": 8 }`)
		g := h.serveTwo(t)
		h.alter(t, "ALTER TABLE payments RENAME TO away")
		var runs [5]string
		for i := range runs {
			runs[i] = deliver(t, g[i%2], fmt.Sprintf("evt_%d", i), 2000)
		}
		other := deliver(t, g[0], "evt_other", 3000)
		for _, id := range []string{runs[0], other} {
			wantRun(t, g[1], id, map[string]string{"status": "failed", "error.code": "invalid_params"})
		}
		for _, id := range runs[1:] {
			wantRun(t, g[0], id, map[string]string{"status": "queued", "waitingFor": "order"})
		}
		if metrics := g[1].Get("/metrics"); !strings.Contains(string(metrics.Body), `backflow_runs_blocked{workflow="webhook:stripe-events"} 4`) {
			t.Errorf("four runs are not counted as blocked")
		}
		g[0] = h.restart(g[0]) // what waits is in the store
		if h.redis == nil {
			g[1] = g[0]
		}
		h.alter(t, "ALTER TABLE away RENAME TO payments")
		program.Want(t, 202, g[0].Post("/runs/"+runs[0]+"/retry", ""))
		for _, id := range runs {
			wantRun(t, g[0], id, map[string]string{"status": "succeeded"})
		}
		var order []string
		for _, p := range h.payments(t) {
			order = append(order, p.stripeID)
		}
		if want := "[pi_of_evt_0 pi_of_evt_1 pi_of_evt_2 pi_of_evt_3 pi_of_evt_4]"; fmt.Sprint(order) != want {
			t.Errorf("the rows are %v, want %s", order, want)
		}
	})
}

// TestAnEventThatDoesNotSucceedInTimeIsParkedAndTheNextGoesOn, also where the gateway is
// killed meanwhile.
func TestAnEventThatDoesNotSucceedInTimeIsParkedAndTheNextGoesOn(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.ordered(`"ordered": { "key": "{{payload.data.object.amount}}", "blockFor": "3s" }`)
		h.edits = append(h.edits, program.Edit{Old: `"actions": [{`, New: `"actions": [{
      "condition": "{{payload.id}} === 'evt_0'", "id": "refuse", "type": "fail", "message": "it cannot be", "code": "cannot" }, {`})
		g := h.serveTwo(t)
		first := deliver(t, g[0], "evt_0", 2000)
		second := deliver(t, g[1], "evt_1", 2000)
		again := h.restart(g[0])
		wantRun(t, again, second, map[string]string{"status": "succeeded"})
		wantRun(t, again, first, map[string]string{"status": "failed", "error.code": "parked", "error.step": "refuse"})
		run := program.Want(t, 200, again.Get("/runs/"+first))
		if waited := begun(t, program.Want(t, 200, again.Get("/runs/"+second))).Sub(begun(t, run)); waited < 3*time.Second-100*time.Millisecond {
			t.Errorf("the next waited %s", waited)
		}
		if detail := run.Text("error.detail"); !strings.Contains(detail, "3s") || !strings.Contains(detail, "cannot: it cannot be") {
			t.Errorf("the error is %s", run.Body)
		}
		if third := deliver(t, again, "evt_2", 2000); third != "" {
			wantRun(t, again, third, map[string]string{"status": "succeeded"})
		}
	})
}

// begun is when the first step of a run began.
func begun(t *testing.T, run program.Response) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, run.Text("startedAt"))
	if err != nil {
		t.Fatalf("%v: %s", err, run.Body)
	}
	return at
}
