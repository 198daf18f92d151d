package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// settled waits until the runs of n events have ended well.
func (h *harness) settled(t *testing.T, g *program.Gateway, n int) {
	t.Helper()
	var list program.Response
	testkit.Eventually(t, 30*time.Second, fmt.Sprintf("%d events are processed", n), func() bool {
		list = program.Want(t, 200, g.In(t).Get("/runs?workflow=webhook:stripe-events&status=succeeded"))
		data, _ := list.Field("data").([]any)
		return len(data) == n
	})
	if all := program.Want(t, 200, g.In(t).Get("/runs?workflow=webhook:stripe-events")); len(all.Field("data").([]any)) != n {
		t.Errorf("there are more runs than %d events: %s", n, all.Body)
	}
}

func TestASignedEventInsertsItsRowOnce(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		send := func(r program.Request) program.Response {
			t.Helper()
			return program.Want(t, 200, g.Do(r))
		}
		signed := program.StripeDelivery(program.StripeEvent("evt_1", "payment_intent.succeeded", 2000), webhookSecret, time.Now())

		first := send(signed)
		if first.Field("received") != true || first.Text("id") != "evt_1" || first.Field("duplicate") != nil {
			t.Errorf("the first answer is %s", first.Body)
		}
		if second := send(signed); second.Field("received") != true || second.Field("duplicate") != true {
			t.Errorf("the second answer is %s", second.Body)
		}
		h.settled(t, g, 1)

		var wg sync.WaitGroup
		answers := make([]program.Response, 20)
		errs := make([]error, len(answers))
		crowd := program.StripeDelivery(program.StripeEvent("evt_2", "payment_intent.succeeded", 9007199254740993), webhookSecret, time.Now())
		for i := range answers {
			wg.Go(func() { answers[i], errs[i] = g.Send(crowd) })
		}
		wg.Wait()
		fresh := 0
		for i, a := range answers {
			if errs[i] != nil || a.Status != 200 {
				t.Errorf("one of twenty: %d %s, %v", a.Status, a.Body, errs[i])
			} else if a.Field("duplicate") == nil {
				fresh++
			}
		}
		if fresh != 1 {
			t.Errorf("%d of twenty were the first", fresh)
		}
		h.settled(t, g, 2)

		if code := g.Stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		g = h.Serve(apiToken)
		if again := send(signed); again.Field("duplicate") != true {
			t.Errorf("after a restart the answer is %s", again.Body)
		}
		g.Kill()
		h.PluginsGone(10 * time.Second)
		g = h.Serve(apiToken)
		if again := send(crowd); again.Field("duplicate") != true {
			t.Errorf("after a crash the answer is %s", again.Body)
		}
		h.settled(t, g, 2)

		want := []payment{{"pi_of_evt_1", "integer", 2000}, {"pi_of_evt_2", "integer", 9007199254740993}}
		if got := h.payments(t); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the rows are %v, want %v", got, want)
		}
		h.stripe.wantNothing(t)
	})
}

func TestAnEventOfAnotherTypeInsertsNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		types := []string{
			"payment_intent.created", "payment_intent.succeeded.not", "PAYMENT_INTENT.SUCCEEDED",
			// One that would make the condition true, were it pasted into it.
			"x' === 'x' || '1",
		}
		for i, kind := range types {
			body := program.StripeEvent(fmt.Sprintf("evt_%d", i), kind, 2000)
			program.Want(t, 200, g.Do(program.StripeDelivery(body, webhookSecret, time.Now())))
		}
		h.settled(t, g, len(types))
		if got := h.payments(t); len(got) != 0 {
			t.Errorf("the rows are %v", got)
		}
	})
}

func TestAnEventThatIsNotSignedRightLeavesNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		body := program.StripeEvent("evt_1", "payment_intent.succeeded", 2000)
		other := program.StripeDelivery(body, webhookSecret, time.Now())
		other.Body = program.StripeEvent("evt_1", "payment_intent.succeeded", 1)
		unsigned := program.StripeDelivery(body, webhookSecret, time.Now())
		unsigned.Header = nil
		withToken := unsigned
		withToken.Token = apiToken
		for name, r := range map[string]program.Request{
			"another secret":        program.StripeDelivery(body, "whsec_of_somebody_else", time.Now()),
			"an empty secret":       program.StripeDelivery(body, "", time.Now()),
			"another body":          other,
			"no signature":          unsigned,
			"a token instead":       withToken,
			"six minutes old":       program.StripeDelivery(body, webhookSecret, time.Now().Add(-6*time.Minute)),
			"six minutes too early": program.StripeDelivery(body, webhookSecret, time.Now().Add(6*time.Minute)),
		} {
			if answer := g.Do(r); answer.Status != 400 || answer.Text("code") == "" {
				t.Errorf("%s: answered %d %s", name, answer.Status, answer.Body)
			}
		}
		h.settled(t, g, 0)
		// The id is as new: nothing was remembered of it.
		if answer := program.Want(t, 200, g.Do(program.StripeDelivery(body, webhookSecret, time.Now()))); answer.Field("duplicate") != nil {
			t.Errorf("answered %s", answer.Body)
		}
		h.settled(t, g, 1)
		if got := h.payments(t); len(got) != 1 {
			t.Errorf("the rows are %v", got)
		}
	})
}

// TestAGenuineEventThatCannotBeKeptIsToldFromAForgedOne: in the log, and to the sender
// with its reason. Nothing of it is remembered.
func TestAGenuineEventThatCannotBeKeptIsToldFromAForgedOne(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	event := func(member string) string { return `{"id":"evt_1","type":"x",` + member + `}` }
	for body, reason := range map[string]string{
		event("\"a\":\"\xff\""): "it holds what is not UTF-8",
		event(`"a":1,"a":2`):    "a name is given twice",
		event(`"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)): "nested too deeply",
		event(`"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)):   "the body is not JSON",
		`{"type":"x"}`: "the event has no id",
		"text":         "not a JSON object",
	} {
		_, before := g.Output()
		answer := program.Want(t, 400, g.Do(program.StripeDelivery(body, webhookSecret, time.Now())))
		if !strings.Contains(answer.Text("detail"), reason) {
			t.Errorf("%.60s: told %s, want %q", body, answer.Body, reason)
		}
		testkit.Eventually(t, 10*time.Second, "it is logged as genuine", func() bool {
			_, log := g.Output()
			return strings.Contains(log[len(before):], "genuine webhook event cannot be kept")
		})
		if _, log := g.Output(); strings.Contains(log[len(before):], "webhook refused") {
			t.Errorf("%.60s: it is logged as forged", body)
		}
	}
	signed := program.StripeDelivery(event(`"a":1`), webhookSecret, time.Now())
	signed.Header["Stripe-Signature"] = strings.Replace(signed.Header["Stripe-Signature"], ",v1=", ",v1=not-hex,v1=,v0=x,v1=", 1)
	if first := program.Want(t, 200, g.Do(signed)); first.Field("duplicate") != nil {
		t.Errorf("the first genuine one: %s", first.Body)
	}
	signed.Header["Stripe-Signature"] = strings.ReplaceAll(signed.Header["Stripe-Signature"], "v1=", "v0=")
	program.Want(t, 400, g.Do(signed))
	testkit.Eventually(t, 10*time.Second, "a forged one is logged as such", func() bool {
		_, log := g.Output()
		return strings.Contains(log, "webhook refused")
	})
}

// TestAnEventOfAnotherModeThanThatOfTheKeyIsKeptAndFlagged: with keys of both modes. A
// repeat changes nothing.
func TestAnEventOfAnotherModeThanThatOfTheKeyIsKeptAndFlagged(t *testing.T) {
	t.Parallel()
	for key, warnings := range map[string]map[string]int{ // of events, by their livemode
		secretKey:                    {"true": 1, "false": 0},
		"rk_live_e2eRestrictedToAll": {"true": 0, "false": 1},
	} {
		t.Run(key[:7], func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, "stripe.json")
			h.withStripe(t)
			h.Env["STRIPE_SECRET_KEY"] = key
			h.edits = append(h.edits, letIn("*"))
			h.WriteExample(h.store, h.edits...)
			g := h.Serve(apiToken)
			for livemode := range warnings {
				body := strings.Replace(program.StripeEvent("evt_"+livemode, "payment_intent.succeeded", 2000), `"data"`, `"livemode":`+livemode+`,"data"`, 1)
				for _, duplicate := range []any{nil, true} {
					answer := program.Want(t, 200, g.Do(program.StripeDelivery(body, webhookSecret, time.Now())))
					if answer.Field("duplicate") != duplicate {
						t.Errorf("answered %s", answer.Body)
					}
				}
			}
			h.settled(t, g, 2)
			if got := h.payments(t); len(got) != 2 {
				t.Errorf("the rows are %v", got)
			}
			_, log := g.Output()
			for livemode, want := range warnings {
				told := 0
				for line := range strings.Lines(log) {
					if strings.Contains(line, `"level":"WARN"`) && strings.Contains(line, `"event":"evt_`+livemode+`"`) && strings.Contains(line, `"flags":["livemode"]`) {
						told++
					}
				}
				if told != want {
					t.Errorf("livemode %s: %d warnings, want %d in\n%s", livemode, told, want, log)
				}
			}
		})
	}
}
