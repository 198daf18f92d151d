package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// pasteLine are the lines that `dev` prints to be pasted: those that are indented.
var pasteLine = regexp.MustCompile(`(?m)^  \S.*(?:\n    .*)*$`)

// TestTheLinesThatDevPrintsAreTheWholeLoop: pasted in their order, each into a shell of
// its own, they lead from a payment through its confirmation and the signed webhook to
// the row.
func TestTheLinesThatDevPrintsAreTheWholeLoop(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "curl")
	h := newHarness(t, "stripe.json")
	g := sandbox(h)
	stdout, _ := g.Output()
	lines := pasteLine.FindAllString(stdout, -1)
	paste := func(begin string) string {
		t.Helper()
		for i, line := range lines {
			if !strings.Contains(strings.TrimSpace(line), begin) {
				continue
			}
			if i != 0 {
				t.Errorf("before %q stand %q", begin, lines[:i])
			}
			lines = lines[i+1:]
			if strings.HasPrefix(line, "  curl") {
				line += " --silent --show-error --fail-with-body"
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir, cmd.Env = h.Dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.Dir}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s\n%v: %s", line, err, out)
			}
			return string(out)
		}
		t.Fatalf("no line to paste has %q: %q", begin, lines)
		return ""
	}
	object := func(text string) (o struct{ ID, Object, Status string }) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return o
	}
	created := object(paste("/integrations/stripe/payment-intents"))
	if created.Object != "payment_intent" || created.Status != "requires_payment_method" {
		t.Errorf("created: %+v", created)
	}
	confirmed := object(paste("/confirm"))
	if confirmed.ID != created.ID || confirmed.Status != "succeeded" {
		t.Errorf("confirmed: %+v, created was %+v", confirmed, created)
	}
	testkit.Eventually(t, eventually, "the row of the payment is there", func() bool { return len(h.payments(t)) > 0 })
	want := payment{created.ID, "integer", 2000}
	if rows := h.payments(t); fmt.Sprint(rows) != fmt.Sprint([]payment{want}) {
		t.Errorf("the rows are %v, want %v", rows, want)
	}
	if runs := paste("runs list --workflow webhook:stripe-events"); !strings.Contains(runs, "webhook:stripe-events") {
		t.Errorf("the runs: %s", runs)
	}
	if _, err := exec.LookPath("sqlite3"); err == nil {
		if rows := paste("sqlite3 "); !strings.Contains(rows, created.ID) {
			t.Errorf("the rows by sqlite3: %s", rows)
		}
	} else {
		lines = lines[1:]
	}
	if events := paste("/integrations/stripe/events"); !strings.Contains(events, "payment_intent.succeeded") {
		t.Errorf("the events: %s", events)
	}
	if moved := paste("sandbox advance 31d"); !strings.Contains(moved, "invoice.paid") {
		t.Errorf("a month later: %s", moved)
	}
	if run := object(paste("/workflows/process-order/runs")); run.Status != "succeeded" {
		t.Errorf("the run: %+v", run)
	}
	if sample := paste("trigger stripe payment_intent.succeeded"); !strings.Contains(sample, `"received":true`) {
		t.Errorf("the sample: %s", sample)
	}
	if len(lines) > 0 {
		t.Errorf("nobody pastes %q", lines)
	}
}
