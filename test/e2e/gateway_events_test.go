package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// gatewayEvents are the events that the webhook "alerts" has received: type and data.
func (h *harness) gatewayEvents(t *testing.T, g *program.Gateway, wanted string) []string {
	t.Helper()
	var got []string
	testkit.Eventually(t, 30*time.Second, "the event "+wanted, func() bool {
		got = nil
		list := program.Want(t, 200, g.In(t).Get("/runs?workflow=webhook:alerts&status=succeeded"))
		for _, entry := range list.Field("data").([]any) {
			run := program.Want(t, 200, g.In(t).Get("/runs/"+entry.(map[string]any)["id"].(string)))
			output, err := json.Marshal(run.Field("input"))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(output))
		}
		return strings.Contains(strings.Join(got, "\n"), wanted)
	})
	return got
}

// TestWhatHappensToTheGatewayStartsTheActionsOfAWebhook: an event and a run that fail, a
// plugin that is killed; each cause once, and what happens to those actions not at all.
func TestWhatHappensToTheGatewayStartsTheActionsOfAWebhook(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.edits = append(h.edits,
			program.Edit{Old: `"webhooks": [`, New: `"webhooks": [
    { "name": "alerts", "provider": "backflow" },
    { "name": "broken", "provider": "backflow", "actions": [{ "type": "fail", "message": "no" }] },`},
			program.Edit{Old: `"table": "payments"`, New: `"table": "missing"`},
			program.Edit{Old: `"workflows": [`, New: `"workflows": [
    { "id": "breaks", "steps": [{ "id": "a", "type": "fail", "message": "it broke", "code": "broke" }] },`},
		)
		g := h.serve(t)
		for i := range 5 {
			id := fmt.Sprintf("evt_%d", i)
			program.Want(t, 200, g.Do(program.StripeDelivery(program.StripeEvent(id, "payment_intent.succeeded", 2000), webhookSecret, time.Now())))
			program.Want(t, 200, g.Post("/workflows/breaks/runs?wait=10s", `{}`))
		}
		h.gatewayEvents(t, g, `"type":"event.failed"`)
		got := h.gatewayEvents(t, g, `"type":"run.failed"`)
		for _, pids := range program.Processes(t, h.Plugins) {
			for _, pid := range pids {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		got = append(got, h.gatewayEvents(t, g, `"type":"plugin.down"`)...)
		count := map[string]int{}
		for _, event := range got {
			for _, kind := range []string{"event.failed", "run.failed"} {
				if strings.Contains(event, `"type":"`+kind+`"`) {
					count[kind]++
				}
			}
			if strings.Contains(event, "broken") || strings.Contains(event, "alerts") {
				t.Errorf("an event of the gateway about its own events: %s", event)
			}
		}
		if count["event.failed"] != 2 || count["run.failed"] != 2 { // each is seen twice
			t.Errorf("of one cause there are several events: %v in %s", count, got)
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, `"webhook":"stripe-events"`) || !strings.Contains(all, `"code":"broke"`) {
			t.Errorf("what failed is not named: %s", all)
		}
	})
}
