package gateway

import (
	"context"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// TestARunThatWaitsForADecisionSaysSoAndTakesIt, over HTTP: the payment may stand, and
// what was reserved for it is not given back before someone has said so.
func TestARunThatWaitsForADecisionSaysSoAndTakesIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"reserve","type":"shop","action":"sendMail","compensate":[{"id":"release","type":"shop","action":"sendMail"}]},
		` + payStep + `,"retry":{"maxAttempts":1},"compensate":[{"id":"refund","type":"shop","action":"sendMail"}]}]`)
	h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		if call.Action == "createPayment" {
			return sdk.Result{}, sdk.Fail(sdk.CodeTimeout, "no answer in time").Later(0)
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	id := h.start()
	h.is(id, workflow.RunWaiting)
	run := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes())
	failure, _ := run["error"].(map[string]any)
	if run["waitingFor"] != "decision" || run["waitingUntil"] != nil || failure["code"] != "timeout" || failure["step"] != "pay" {
		t.Errorf("the run is shown as %v", run)
	}
	listed := h.send("GET", "/runs?status=waiting", "").Body.String()
	if !strings.Contains(listed, `"waitingFor":"decision"`) {
		t.Errorf("lists show it as %s", listed)
	}
	wantStatus(t, h.send("POST", "/runs/"+id+"/retry", ""), 202)
	h.is(id, workflow.RunWaiting)
	wantStatus(t, h.send("POST", "/runs/"+id+"/cancel", ""), 202)
	h.is(id, workflow.RunCancelled)

	var got []string
	for _, e := range h.stream(id, 0) {
		if _, rest, found := strings.Cut(e.data, `"path":"pay","at":`); found && (e.event == "undecided" || e.event == "undoing") {
			got = append(got, e.event+rest[strings.Index(rest, `,"status"`):])
		}
	}
	want := []string{
		`undecided,"status":"waiting","attempts":1,"waitingFor":"decision"}`,
		`undecided,"status":"waiting","attempts":2,"waitingFor":"decision"}`,
		`undoing,"status":"failed","attempts":2}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the stream tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	calls := h.integration.called()
	if n := len(calls); n != 5 || calls[1].IdempotencyKey != calls[2].IdempotencyKey {
		t.Errorf("%d calls: %+v", n, calls)
	}
}
