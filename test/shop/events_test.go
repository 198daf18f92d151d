package shop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

func whatIsDoneAtStripeReachesTheOrder(s *shop) {
	order, payment := s.checkout()
	s.stripe("/refunds", map[string]any{"payment_intent": payment, "amount": 1})
	s.is(s.becomes(order, "partly_refunded"), "refunded", "1", "paid", "2000")
	s.stripe("/refunds", map[string]any{"payment_intent": payment})
	s.is(s.becomes(order, "refunded"), "refunded", "2000")
	s.settled()
}

func aDisputeIsSeenUntilItIsWonOrLost(s *shop) {
	for evidence, status := range map[string]string{"winning_evidence": "paid", "losing_evidence": "dispute_lost"} {
		order, payment := s.checkout("paymentMethod", "pm_card_createDispute")
		s.is(s.becomes(order, "disputed"), "dispute", "open", "paid", "2000")
		s.fails("refund", map[string]any{"order": order}, "not_refundable", "is disputed")
		dispute := s.atStripe("/disputes?payment_intent=" + payment).Text("data.0.id")
		s.stripe("/disputes/"+dispute, map[string]any{"evidence": map[string]any{"uncategorized_text": evidence}})
		s.is(s.becomes(order, status), "paid", "2000")
	}
	s.settled()
}

func paymentsOfOtherSystemsAreIgnored(s *shop) {
	order, _ := s.checkout()
	before := string(s.row("orders", order).Body)
	foreign := s.stripe("/payment-intents", map[string]any{
		"amount": 900, "currency": "usd", "confirm": true, "payment_method": "pm_card_createDispute", "metadata": map[string]any{"order": order},
		"automatic_payment_methods": map[string]any{"enabled": true, "allow_redirects": "never"},
	}).Text("id")
	s.stripe("/payment-intents", map[string]any{"amount": 700, "currency": "usd"})
	s.settled()
	if after := string(s.row("orders", order).Body); after != before {
		s.t.Errorf("an order was %s and is %s", before, after)
	}
	if rows := s.rows("payments", "stripe_id", foreign); len(rows) != 0 {
		s.t.Errorf("a payment of another system has the rows %v", rows)
	}
}

// send sends an event to the shop's webhook, signed as Stripe signs it.
func (s *shop) send(id, kind string, object map[string]any) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, ".backflow", "dev.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var saved struct {
		Webhooks []struct{ Secret string }
	}
	if err := json.Unmarshal(text, &saved); err != nil || len(saved.Webhooks) != 1 {
		s.t.Fatalf("%d webhooks, %v", len(saved.Webhooks), err)
	}
	body, err := json.Marshal(map[string]any{"id": id, "object": "event", "api_version": "2023-10-16", "type": kind, "data": map[string]any{"object": object}})
	if err != nil {
		s.t.Fatal(err)
	}
	program.Want(s.t, http.StatusOK, s.Do(program.StripeDelivery(string(body), saved.Webhooks[0].Secret, time.Now())))
}

// theOrderOfEventsDoesNotMatter: the events of one payment come in any order, some of
// them twice, several at the same time, and the order is what all of them together say.
func theOrderOfEventsDoesNotMatter(s *shop) {
	seed := rand.Uint64()
	s.t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var checks []func()
	for name, c := range map[string]struct {
		facts  []string
		status string
	}{
		"paid":                      {[]string{"failed", "paid"}, "paid"},
		"paid, refunded in part":    {[]string{"paid", "part"}, "partly_refunded"},
		"paid, refunded":            {[]string{"paid", "part", "whole"}, "refunded"},
		"disputed":                  {[]string{"paid", "disputed"}, "disputed"},
		"disputed and won":          {[]string{"paid", "disputed", "won"}, "paid"},
		"disputed, won, refunded":   {[]string{"paid", "disputed", "won", "part", "whole"}, "refunded"},
		"refunded in part and lost": {[]string{"paid", "part", "disputed", "lost"}, "dispute_lost"},
		"not paid":                  {[]string{"failed", "canceled"}, "declined"},
		"canceled":                  {[]string{"canceled"}, "cancelled"},
	} {
		ended := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required"))
		order, payment := ended.Text("output.order"), ended.Text("output.payment")
		facts := slices.Repeat(c.facts, 2)
		random.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		for i, fact := range facts {
			s.send(fmt.Sprintf("evt_%s_%d", order, i), kinds[fact], object(fact, payment))
		}
		checks = append(checks, func() {
			if row := s.row("orders", order); row.Text("status") != c.status {
				s.t.Errorf("%s, as %v: %s", name, facts, row.Body)
			}
		})
	}
	s.settled()
	for _, check := range checks {
		check()
	}
}

// kinds are the types of the events that say something.
var kinds = map[string]string{
	"paid": "payment_intent.succeeded", "failed": "payment_intent.payment_failed", "canceled": "payment_intent.canceled",
	"part": "charge.refunded", "whole": "charge.refunded",
	"disputed": "charge.dispute.created", "won": "charge.dispute.closed", "lost": "charge.dispute.closed",
}

// object is what the event of a fact is about.
func object(fact, payment string) map[string]any {
	switch fact {
	case "paid":
		return map[string]any{"object": "payment_intent", "id": payment, "amount": 2000, "amount_received": 2000}
	case "failed":
		return map[string]any{"object": "payment_intent", "id": payment, "amount": 2000, "amount_received": 0, "last_payment_error": map[string]any{"code": "card_declined", "decline_code": "generic_decline"}}
	case "canceled":
		return map[string]any{"object": "payment_intent", "id": payment, "amount": 2000, "amount_received": 0, "last_payment_error": nil}
	case "part":
		return map[string]any{"object": "charge", "id": "ch_1", "payment_intent": payment, "amount": 2000, "amount_refunded": 500}
	case "whole":
		return map[string]any{"object": "charge", "id": "ch_1", "payment_intent": payment, "amount": 2000, "amount_refunded": 2000}
	case "disputed":
		return map[string]any{"object": "dispute", "id": "dp_1", "payment_intent": payment, "amount": 2000, "status": "needs_response"}
	default:
		return map[string]any{"object": "dispute", "id": "dp_1", "payment_intent": payment, "amount": 2000, "status": fact}
	}
}

func whatNoEventHasReportedIsFoundAtNight(s *shop) {
	paidLater := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required"))
	failedLater := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required"))
	stillOpen := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required")).Text("output.order")
	canceled := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required"))
	refunded, refundedPayment := s.checkout()
	part, partPayment := s.checkout()
	paid, _ := s.checkout()
	lost, lostPayment := s.checkout("paymentMethod", "pm_card_createDispute")
	won, wonPayment := s.checkout("paymentMethod", "pm_card_createDispute")
	s.becomes(lost, "disputed")
	s.becomes(won, "disputed")
	s.settled()
	unknown := "unknown-to-stripe"
	s.insert("orders", map[string]any{"id": unknown, "customer": s.email, "amount": 1, "currency": "usd"})
	s.insert("payments", map[string]any{"stripe_id": "pi_unknown", "order_id": unknown, "amount": 1, "currency": "usd"})

	// Without webhooks nobody hears of what happens now.
	s.without()
	disputed, _ := s.checkout("paymentMethod", "pm_card_createDispute")
	s.visit(paidLater.Text("output.url"), "authorize")
	s.visit(failedLater.Text("output.url"), "fail")
	s.stripe("/payment-intents/"+canceled.Text("output.payment")+"/cancel", map[string]any{})
	s.stripe("/refunds", map[string]any{"payment_intent": refundedPayment})
	s.stripe("/refunds", map[string]any{"payment_intent": partPayment, "amount": 300})
	for payment, evidence := range map[string]string{lostPayment: "losing_evidence", wonPayment: "winning_evidence"} {
		dispute := s.atStripe("/disputes?payment_intent=" + payment).Text("data.0.id")
		s.stripe("/disputes/"+dispute, map[string]any{"evidence": map[string]any{"uncategorized_text": evidence}})
	}
	was := map[string]string{
		paidLater.Text("output.order"): "open", failedLater.Text("output.order"): "open", stillOpen: "open", canceled.Text("output.order"): "open",
		refunded: "paid", part: "paid", paid: "paid", lost: "disputed", won: "disputed", disputed: "paid", unknown: "open",
	}
	is := map[string]string{
		paidLater.Text("output.order"): "paid", failedLater.Text("output.order"): "declined", stillOpen: "open", canceled.Text("output.order"): "cancelled",
		refunded: "refunded", part: "partly_refunded", paid: "paid", lost: "dispute_lost", won: "paid", disputed: "disputed", unknown: "open",
	}
	for order, status := range was {
		s.is(s.row("orders", order), "status", status)
	}
	ended := s.run("reconcile", map[string]any{})
	lines, _ := ended.Field("output").([]any)
	looked := 0
	for _, one := range lines {
		line, _ := one.(map[string]any)
		order := fmt.Sprint(line["order"])
		if was[order] == "" {
			continue // another promise's
		}
		looked++
		var problem any
		if order == unknown {
			problem = "not_found"
		}
		if line["was"] != was[order] || line["is"] != is[order] || line["problem"] != problem {
			s.t.Errorf("%v, not from %s to %s with the problem %v", line, was[order], is[order], problem)
		}
	}
	if looked != len(was) {
		s.t.Errorf("%d orders were looked at, not %d: %v", looked, len(was), lines)
	}
	for order, status := range is {
		s.is(s.row("orders", order), "status", status)
	}
}

// without takes the webhook out of the config, which the gateway takes over.
func (s *shop) without() {
	s.t.Helper()
	text, err := os.ReadFile(s.Config())
	if err != nil {
		s.t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), `"webhooks": [{`)
	_, after, ends := strings.Cut(rest, "\n  }],\n")
	if !found || !ends {
		s.t.Fatal("the config has no webhooks where they are looked for")
	}
	s.WriteConfig("shop/backflow.json", before+after)
	testkit.Eventually(s.t, eventually, "the webhook is gone", func() bool {
		status := s.sandbox("status", "{}")
		hooks, _ := status.Field("webhooks").([]any)
		return len(hooks) == 0
	})
}
