package sandbox

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
)

func TestTheStateSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	asked := b.post("/v1/payment_intents", order+"&confirm=true&payment_method=pm_card_threeDSecure2Required")
	held := b.post("/v1/payment_intents", order+"&confirm=true&capture_method=manual&payment_method=pm_card_visa").text("id")
	b.do("advance", `{"by":"3d"}`)
	before := b.do("status", "")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, Options{Dir: dir})
	b.shows(b.do("status", ""), map[string]string{"ahead": "3d", "objects": before.text("objects"), "timers": before.text("timers")})
	// The page is where the sandbox is now.
	now := b.get("/v1/payment_intents/"+asked.text("id"), "")
	b.answer(now, "authorize")
	b.shows(b.get("/v1/payment_intents/"+asked.text("id"), ""), map[string]string{"status": "succeeded"})
	b.do("advance", `{"by":"5d"}`)
	b.shows(b.get("/v1/payment_intents/"+held, ""), map[string]string{"status": "canceled"})
}

// TestChild is no test: it is the sandbox that another test kills.
func TestChild(t *testing.T) {
	dir := os.Getenv("SANDBOX_DIR")
	if dir == "" {
		return
	}
	b := open(t, Options{Dir: dir})
	for {
		r, err := b.try(http.MethodPost, "/v1/payment_intents", order+"&confirm=true&payment_method=pm_card_visa")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stderr.WriteString("paid " + r.text("id") + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), "SANDBOX_DIR="+dir)
	output, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "paid "); ok {
			ids = append(ids, id)
		}
		if len(ids) == 5 {
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "paid "); ok {
			ids = append(ids, id)
		}
	}
	_ = child.Wait() // it was killed
	if len(ids) < 5 {
		t.Fatalf("the sandbox paid %d times", len(ids))
	}
	b := open(t, Options{Dir: dir})
	for _, id := range ids {
		b.shows(b.get("/v1/payment_intents/"+id, "expand[]=latest_charge.balance_transaction"), map[string]string{"status": "succeeded", "latest_charge.balance_transaction.net": "1912"})
	}
	// Each payment is whole: no event without its object, no charge without its intent.
	for _, charge := range b.get("/v1/charges", "limit=100&expand[]=data.payment_intent").Body["data"].([]any) {
		if text(charge, "payment_intent.status") != "succeeded" {
			t.Errorf("%v", charge)
		}
	}
}

func TestATimerFiresInRealTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	b.account = "acct_1"
	b.paid("pm_card_visa")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	// Two days later the gateway is started again.
	b = open(t, Options{Dir: dir, Clock: later{by: 49 * time.Hour}})
	b.account = "acct_1"
	testkit.Eventually(t, 10*time.Second, "the money is available", func() bool { return b.get("/v1/balance", "").text("available.0.amount") == "1912" })
}
