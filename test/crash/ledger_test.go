package crash

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

// takeOver is how long a key may stay with a gateway that was killed.
const takeOver = 10 * time.Second

// failpoints are the instants of a call with a key at which a gateway is killed,
// in their order.
var failpoints = []struct {
	name     string // as the gateway knows it; empty where the double tells when
	kill     string
	effects  int  // at Stripe, when the gateway is gone
	replayed bool // the repeat is answered by the ledger alone
}{
	{name: "inserted", kill: "after the insert, before the call", effects: 0},
	{kill: "after the effect, before its answer", effects: 1},
	{name: "answered", kill: "after the answer, before it is stored", effects: 1},
	{name: "done", kill: "after the answer is stored, before the reply", effects: 1, replayed: true},
}

// keyOf makes an idempotency key of words.
func keyOf(words string) string { return strings.ReplaceAll(words, " ", "-") }

// killAt asks for a customer and kills the gateway at a point.
func (h *harness) killAt(t *testing.T, point int, key string) {
	t.Helper()
	at := failpoints[point]
	before := len(h.stripe.Effects())
	if at.name == "" {
		h.stripe.Script(stripedouble.Fault{Kind: stripedouble.SlowAnswer, DelayMillis: 5000})
	} else {
		h.Env["BACKFLOW_FAILPOINT"] = at.name
	}
	g := h.Serve(token)
	delete(h.Env, "BACKFLOW_FAILPOINT")
	h.dieUnder(t, g, customerRequest(key), at.name == "", func() bool { return len(h.stripe.Effects()) > before })
	if got := len(h.stripe.Effects()) - before; got != at.effects {
		t.Fatalf("%d effects before the repeat, want %d", got, at.effects)
	}
}

// dieUnder sends a request under which the gateway dies: by itself, or killed
// here once the effect took place.
func (h *harness) dieUnder(t *testing.T, g *program.Gateway, r program.Request, killed bool, effect func() bool) {
	t.Helper()
	answered := make(chan error, 1)
	go func() { // ends when the gateway does, which this waits for
		_, err := g.Send(r)
		answered <- err
	}()
	if killed {
		testkit.Eventually(t, time.Minute, "the effect takes place", effect)
		g.Kill()
	}
	if err := <-answered; err == nil {
		t.Fatal("the gateway answered")
	}
	if code := g.Wait(); code != -1 {
		t.Fatalf("the gateway ended with exit code %d, not by a signal", code)
	}
	h.PluginsGone(orphanLimit)
}

// wantOneCustomer checks the answer to the repeat of a call that was killed at a
// point, and that the effect took place once.
func (h *harness) wantOneCustomer(t *testing.T, point int, key string, g *program.Gateway, answer program.Response) {
	t.Helper()
	program.Want(t, http.StatusOK, answer)
	if replayed := answer.Header.Get("Idempotent-Replayed") == "true"; replayed != failpoints[point].replayed {
		t.Errorf("replayed by the ledger: %t", replayed)
	}
	until, err := time.Parse(time.RFC3339, answer.Header.Get("Idempotency-Expires"))
	if left := time.Until(until); err != nil || left > 24*time.Hour || left < 23*time.Hour {
		t.Errorf("the answer is kept until %q", answer.Header.Get("Idempotency-Expires"))
	}
	sameAgain(t, g, customerRequest(key), answer.Text("id"))
	for _, effect := range h.stripe.Effects()[point:] {
		if effect.ID != answer.Text("id") {
			t.Errorf("%s took effect, the answer was %s", effect.ID, answer.Body)
		}
	}
	if n := len(h.stripe.Effects()); n != point+1 {
		t.Errorf("%d effects after %d calls", n, point+1)
	}
}

func TestAGatewayKilledAtAnyPointOfACallRepeatsItWithOneEffect(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	for _, example := range []string{onSQLite, onRedis} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, failing(t), example)
			for point, at := range failpoints {
				key := keyOf("killed " + at.kill)
				h.killAt(t, point, key)
				g := h.Serve(token)
				// Whoever comes back at the same address has its keys at once.
				h.wantOneCustomer(t, point, key, g, g.Do(customerRequest(key)))
				if code := g.Stop(); code != 0 {
					t.Errorf("SIGTERM: exit code %d", code)
				}
			}
		})
	}
}

func TestAKeyOfAKilledGatewayAnswersOnAnotherWithinTenSeconds(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	h := newHarness(t, failing(t), onRedis)
	other := h.beside(t, binaries).Serve(token)
	for point, at := range failpoints {
		key := keyOf("taken over " + at.kill)
		h.killAt(t, point, key)
		killed := time.Now()
		answer := other.Do(customerRequest(key))
		for ; answer.Status == http.StatusConflict; answer = other.Do(customerRequest(key)) {
			if answer.Header.Get("Retry-After") == "" {
				t.Errorf("409 without Retry-After: %s", answer.Body)
			}
			if time.Since(killed) > takeOver {
				t.Fatalf("%s: after %s still %s", at.kill, time.Since(killed), answer.Body)
			}
			time.Sleep(100 * time.Millisecond) // a client's pause; Retry-After asks for more
		}
		t.Logf("killed %s: answered after %s", at.kill, time.Since(killed).Round(100*time.Millisecond))
		h.wantOneCustomer(t, point, key, other, answer)
	}
}
