package shop

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

func aCheckoutTakesAnOrderAndItsPayment(s *shop) {
	ended := s.run("checkout", s.cart())
	order, payment := ended.Text("output.order"), ended.Text("output.payment")
	s.is(ended, "output.status", "paid", "output.order", ended.Text("id"))
	s.is(s.row("orders", order), "status", "paid", "customer", s.email, "amount", "2000", "currency", "usd",
		"paid", "2000", "refunded", "0", "dispute", "none", "outcome", "none")
	s.is(s.row("payments", payment), "status", "succeeded", "order_id", order, "amount", "2000", "decline_code", "<nil>")
	intent := s.atStripe("/payment-intents/" + payment)
	s.is(intent, "status", "succeeded", "amount_received", "2000", "metadata.order", order)

	customer := s.row("customers", s.email)
	s.is(customer, "name", "Ann Lee", "stripe_id", intent.Text("customer"))
	if at := customer.Text("created_at"); !strings.HasSuffix(at, "Z") || !strings.Contains(at, "T") {
		s.t.Errorf("a time is %q, which is no RFC 3339 in UTC", at)
	}

	_, second := s.checkout("name", "Ann M. Lee")
	s.is(s.atStripe("/payment-intents/"+second), "customer", customer.Text("stripe_id"))
	s.is(s.row("customers", s.email), "name", "Ann M. Lee", "stripe_id", customer.Text("stripe_id"))
	unnamed := s.cart()
	delete(unnamed, "name")
	s.is(s.run("checkout", unnamed), "output.status", "paid")
	s.is(s.row("customers", s.email), "name", "Ann M. Lee", "stripe_id", customer.Text("stripe_id"))
	s.settled()
	s.is(s.row("orders", order), "status", "paid", "paid", "2000")
}

func ordersOfANewCustomerAtOnceMakeOneCustomerAtStripe(s *shop) {
	const orders = 5
	var runs []string
	for range orders {
		runs = append(runs, s.start("checkout", s.cart(), false).Text("id"))
	}
	for _, id := range runs {
		s.becomes(id, "paid")
	}
	if made, _ := s.atStripe("/customers?email=" + s.email).Field("data").([]any); len(made) != 1 {
		s.t.Errorf("%d customers were made, not one: %v", len(made), made)
	}
}

func aRepeatedCheckoutChargesOnce(s *shop) {
	first := s.run("checkout", s.cart(), "Idempotency-Key", "cart-1042")
	again := s.run("checkout", s.cart(), "Idempotency-Key", "cart-1042")
	if first.Text("output.order") != again.Text("output.order") || len(s.rows("orders", "customer", s.email)) != 1 || len(s.rows("payments", "order_id", first.Text("id"))) != 1 {
		s.t.Errorf("%s and %s", first.Body, again.Body)
	}
}

func aDeclineEndsTheOrderAsDeclined(s *shop) {
	ended := s.fails("checkout", s.cart("paymentMethod", "pm_card_chargeDeclinedInsufficientFunds"), "declined", "insufficient funds")
	order := ended.Text("id")
	s.is(ended, "error.step", "confirm.onError.say-declined", "error.status", "402")
	s.is(s.row("orders", order), "status", "declined", "paid", "0", "outcome", "declined")
	payments := s.rows("payments", "order_id", order)
	payment, _ := payments[0].(map[string]any)
	if len(payments) != 1 || payment["status"] != "declined" || payment["decline_code"] != "insufficient_funds" {
		s.t.Errorf("the payments are %v", payments)
	}
	// Nobody can pay it later, and what Stripe reports of it changes nothing.
	s.is(s.atStripe("/payment-intents/"+fmt.Sprint(payment["stripe_id"])), "status", "canceled")
	s.settled()
	s.is(s.row("orders", order), "status", "declined")
}

func anInputThatDoesNotFitStartsNothing(s *shop) {
	refused := program.Want(s.t, http.StatusUnprocessableEntity, s.Post("/workflows/checkout/runs", `{"email":"ann","amount":19.99,"currency":"USD","card":"4242424242424242"}`))
	for _, pointer := range []string{"/email", "/amount", "/currency", "/card"} {
		if !strings.Contains(string(refused.Body), `"`+pointer+`"`) {
			s.t.Errorf("%s is not told: %s", pointer, refused.Body)
		}
	}
	if rows := s.rows("orders", "customer", s.email); len(rows) != 0 {
		s.t.Errorf("orders: %v", rows)
	}
}

// waitsForReview starts an order that is looked at by a person, and waits until it is paid
// and waits for that.
func (s *shop) waitsForReview() (run string) {
	s.t.Helper()
	run = s.start("checkout", s.cart("amount", 250000), false).Text("id")
	testkit.Eventually(s.t, eventually, "the run waits for a review", func() bool {
		return program.Want(s.t, http.StatusOK, s.Get("/runs/"+run)).Text("waitingFor") == "signal"
	})
	s.is(s.row("orders", run), "status", "paid", "paid", "250000")
	return run
}

// reviewed says what a person has decided, and waits for the end of the run.
func (s *shop) reviewed(run, decision string) (ended program.Response) {
	s.t.Helper()
	program.Want(s.t, http.StatusAccepted, s.Post("/runs/"+run+"/signals/review", decision))
	testkit.Eventually(s.t, eventually, "the run has ended", func() bool {
		ended = program.Want(s.t, http.StatusOK, s.Get("/runs/"+run))
		return ended.Text("finishedAt") != ""
	})
	return ended
}

// refunds are what Stripe has given back of an order, in all.
func (s *shop) refunds(order string) (amounts []string) {
	s.t.Helper()
	payments := s.rows("payments", "order_id", order)
	payment, _ := payments[0].(map[string]any)
	data, _ := s.atStripe("/refunds?payment_intent=" + fmt.Sprint(payment["stripe_id"])).Field("data").([]any)
	for _, refund := range data {
		amounts = append(amounts, fmt.Sprint(refund.(map[string]any)["amount"]))
	}
	return amounts
}

func aRefusedReviewRefundsThePaymentAndCancelsTheOrder(s *shop) {
	run := s.waitsForReview()
	ended := s.reviewed(run, `{"approved":false,"reason":"the address does not exist"}`)
	s.is(ended, "status", "failed", "error.code", "review_refused", "error.detail", "order "+run+" was refused: the address does not exist")
	s.is(s.row("orders", run), "status", "cancelled", "paid", "250000", "refunded", "250000")
	if got := s.refunds(run); fmt.Sprint(got) != "[250000]" {
		s.t.Errorf("refunded: %v", got)
	}
	s.settled()
	s.is(s.row("orders", run), "status", "cancelled", "refunded", "250000")
}

func anApprovedReviewLeavesTheOrderPaid(s *shop) {
	run := s.waitsForReview()
	ended := s.reviewed(run, `{"approved":true}`)
	s.is(ended, "status", "succeeded", "output.status", "paid")
	if got := s.refunds(run); len(got) != 0 {
		s.t.Errorf("refunded: %v", got)
	}
}

func aCancelledCheckoutIsUndoneHoweverFarItHasCome(s *shop) {
	run := s.waitsForReview()
	// Meanwhile the staff has refunded it: nothing is refunded twice.
	s.run("refund", map[string]any{"order": run})
	ended := program.Want(s.t, http.StatusOK, s.Post("/runs/"+run+"/cancel?wait=1m", ""))
	s.is(ended, "status", "cancelled")
	s.is(s.row("orders", run), "status", "cancelled", "refunded", "250000")
	if got := s.refunds(run); fmt.Sprint(got) != "[250000]" {
		s.t.Errorf("refunded: %v", got)
	}
}

// aCustomerWhomTheBankAsksPaysLater: the run ends with the address of the bank's page,
// and the event of the payment, or of its failure, settles the order.
func aCustomerWhomTheBankAsksPaysLater(s *shop) {
	for outcome, status := range map[string]string{"authorize": "paid", "fail": "declined"} {
		ended := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required"))
		order := ended.Text("output.order")
		s.is(ended, "output.status", "open")
		s.is(s.row("orders", order), "status", "open", "paid", "0")
		s.visit(ended.Text("output.url"), outcome)
		s.becomes(order, status)
	}
	s.settled()
}

// aCrashInTheMiddleOfAPaymentChargesOnce: the gateway is killed while Stripe charges,
// and the one that comes after it goes on.
func aCrashInTheMiddleOfAPaymentChargesOnce(s *shop) {
	s.sandbox("fault", `{"kind":"slow_after","operation":"PostPaymentIntentsIntentConfirm","delay":"30s"}`)
	run := s.start("checkout", s.cart(), false).Text("id")
	charges := func() []any {
		payments := s.rows("payments", "order_id", run)
		if len(payments) == 0 {
			return nil
		}
		payment, _ := payments[0].(map[string]any)
		made, _ := s.atStripe("/charges?payment_intent=" + fmt.Sprint(payment["stripe_id"])).Field("data").([]any)
		return made
	}
	testkit.Eventually(s.t, eventually, "Stripe has charged the card", func() bool { return len(charges()) > 0 })
	s.is(s.row("orders", run), "paid", "0")
	s.Kill()
	s.Gateway = s.Dev()
	s.becomes(run, "paid")
	s.settled()
	testkit.Eventually(s.t, eventually, "the run has ended", func() bool {
		return program.Want(s.t, http.StatusOK, s.Get("/runs/"+run)).Text("status") == "succeeded"
	})
	if made := charges(); len(made) != 1 || len(s.rows("orders", "customer", s.email)) != 1 {
		s.t.Errorf("charged %d times, orders: %v", len(made), s.rows("orders", "customer", s.email))
	}
}
