package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/test/program"
)

// event is the body of an event about a payment.
func event(id, kind string, amount int64) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2023-10-16","type":%q,"data":{"object":{"id":"pi_of_%s","object":"payment_intent","amount":%d}}}`,
		id, kind, id, amount)
}

// delivery is a signed request of Stripe, as its page on webhooks describes it
// (https://docs.stripe.com/webhooks#verify-manually).
func delivery(body, secret string, at time.Time) program.Request {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return program.Request{
		Method: http.MethodPost, Path: "/webhooks/stripe", Body: body, Token: "none",
		Header: map[string]string{"Stripe-Signature": "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))},
	}
}

// settled waits until the runs of n events have ended well.
func (w *world) settled(t *testing.T, g *program.Gateway, n int) {
	t.Helper()
	var list program.Answer
	program.Eventually(t, 30*time.Second, fmt.Sprintf("%d events are processed", n), func() bool {
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
	onBothStores(t, func(t *testing.T, w *world) {
		g := w.serve(t)
		send := func(r program.Request) program.Answer {
			t.Helper()
			return program.Want(t, 200, g.Do(r))
		}
		signed := delivery(event("evt_1", "payment_intent.succeeded", 2000), webhookSecret, time.Now())

		first := send(signed)
		if first.Field("received") != true || first.Text("id") != "evt_1" || first.Field("duplicate") != nil {
			t.Errorf("the first answer is %s", first.Body)
		}
		if second := send(signed); second.Field("received") != true || second.Field("duplicate") != true {
			t.Errorf("the second answer is %s", second.Body)
		}
		w.settled(t, g, 1)

		var wg sync.WaitGroup
		answers := make([]program.Answer, 20)
		errs := make([]error, len(answers))
		crowd := delivery(event("evt_2", "payment_intent.succeeded", 9007199254740993), webhookSecret, time.Now())
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
		w.settled(t, g, 2)

		if code := g.Stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		g = w.Serve(apiToken)
		if again := send(signed); again.Field("duplicate") != true {
			t.Errorf("after a restart the answer is %s", again.Body)
		}
		g.Kill()
		w.PluginsGone(10 * time.Second)
		g = w.Serve(apiToken)
		if again := send(crowd); again.Field("duplicate") != true {
			t.Errorf("after a crash the answer is %s", again.Body)
		}
		w.settled(t, g, 2)

		want := []payment{{"pi_of_evt_1", "integer", 2000}, {"pi_of_evt_2", "integer", 9007199254740993}}
		if got := w.payments(t); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the rows are %v, want %v", got, want)
		}
		w.stripe.wantNothing(t)
	})
}

func TestAnEventOfAnotherTypeInsertsNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		g := w.serve(t)
		types := []string{"payment_intent.created", "payment_intent.succeeded.not", "PAYMENT_INTENT.SUCCEEDED", "x'==='x'||'1"}
		for i, kind := range types {
			body := event(fmt.Sprintf("evt_%d", i), kind, 2000)
			program.Want(t, 200, g.Do(delivery(body, webhookSecret, time.Now())))
		}
		// A type that would turn the condition into a true one, were it pasted.
		pasted := event("evt_pasted", "x' === 'x' || '1", 2000)
		events := len(types)
		if g.Do(delivery(pasted, webhookSecret, time.Now())).Status == 200 {
			events++
		}
		w.settled(t, g, events)
		if got := w.payments(t); len(got) != 0 {
			t.Errorf("the rows are %v", got)
		}
	})
}

func TestAnEventThatIsNotSignedRightLeavesNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		g := w.serve(t)
		body := event("evt_1", "payment_intent.succeeded", 2000)
		other := delivery(body, webhookSecret, time.Now())
		other.Body = event("evt_1", "payment_intent.succeeded", 1)
		unsigned := delivery(body, webhookSecret, time.Now())
		unsigned.Header = nil
		withToken := unsigned
		withToken.Token = apiToken
		for name, r := range map[string]program.Request{
			"another secret":        delivery(body, "whsec_of_somebody_else", time.Now()),
			"an empty secret":       delivery(body, "", time.Now()),
			"another body":          other,
			"no signature":          unsigned,
			"a token instead":       withToken,
			"six minutes old":       delivery(body, webhookSecret, time.Now().Add(-6*time.Minute)),
			"six minutes too early": delivery(body, webhookSecret, time.Now().Add(6*time.Minute)),
		} {
			if answer := g.Do(r); answer.Status != 400 || answer.Text("code") == "" {
				t.Errorf("%s: answered %d %s", name, answer.Status, answer.Body)
			}
		}
		w.settled(t, g, 0)
		// The id is as new: nothing was remembered of it.
		if answer := program.Want(t, 200, g.Do(delivery(body, webhookSecret, time.Now()))); answer.Field("duplicate") != nil {
			t.Errorf("answered %s", answer.Body)
		}
		w.settled(t, g, 1)
		if got := w.payments(t); len(got) != 1 {
			t.Errorf("the rows are %v", got)
		}
	})
}
