package shop

import (
	"fmt"
	"net/http"
	"time"

	"github.com/backflow/backflow/test/program"
)

func aRefundIsWholeOrInPartAndNeverTooMuch(s *shop) {
	order, _ := s.checkout()
	part := s.run("refund", map[string]any{"order": order, "amount": 500, "reason": "requested_by_customer"}, "Idempotency-Key", "ticket-7")
	s.is(part, "output.status", "partly_refunded", "output.refunded", "500")
	again := s.run("refund", map[string]any{"order": order, "amount": 500, "reason": "requested_by_customer"}, "Idempotency-Key", "ticket-7")
	s.is(again, "id", part.Text("id"), "output.refunded", "500")
	s.fails("refund", map[string]any{"order": order, "amount": 1501}, "rejected", "greater than unrefunded amount")
	s.is(s.row("orders", order), "status", "partly_refunded", "refunded", "500")

	rest := s.run("refund", map[string]any{"order": order})
	s.is(rest, "output.status", "refunded", "output.refunded", "2000")
	none := s.run("refund", map[string]any{"order": order})
	s.is(none, "output.status", "refunded", "output.refunded", "2000", "output.refund", "<nil>")
	if got := s.refunds(order); fmt.Sprint(got) != "[1500 500]" {
		s.t.Errorf("refunded: %v", got)
	}
	s.settled()
	s.is(s.row("orders", order), "status", "refunded", "refunded", "2000")
}

func refundsOfOneOrderAtOnceAreMadeOneAfterTheOther(s *shop) {
	order, _ := s.checkout()
	for range 5 {
		s.start("refund", map[string]any{"order": order}, false)
	}
	s.becomes(order, "refunded")
	s.run("refund", map[string]any{"order": order}) // behind them
	if got := s.refunds(order); fmt.Sprint(got) != "[2000]" {
		s.t.Errorf("refunded: %v", got)
	}
}

func onlyWhatWasPaidIsRefunded(s *shop) {
	s.fails("refund", map[string]any{"order": "0198c2a4"}, "not_found", "")
	declined := s.start("checkout", s.cart("paymentMethod", "pm_card_chargeDeclined"), true).Text("id")
	s.fails("refund", map[string]any{"order": declined}, "not_refundable", "is declined")
	open := s.run("checkout", s.cart("paymentMethod", "pm_card_threeDSecure2Required")).Text("id")
	s.fails("refund", map[string]any{"order": open}, "not_refundable", "is open")
}

func theRevenueIsWhatWasPaidAndNotGivenBack(s *shop) {
	kept, _ := s.checkout("currency", "chf")
	s.run("refund", map[string]any{"order": kept, "amount": 500})
	gone, _ := s.checkout("currency", "chf", "amount", 300)
	s.run("refund", map[string]any{"order": gone})
	s.fails("checkout", s.cart("currency", "chf", "paymentMethod", "pm_card_chargeDeclined"), "declined", "")
	made := program.Want(s.t, http.StatusOK, s.Post("/integrations/database/actions/query", `{"name":"revenue","params":{"since":"2026-01-01"}}`))
	var found []string
	data, _ := made.Field("data").([]any)
	for _, one := range data {
		line, _ := one.(map[string]any)
		if _, err := time.Parse(time.DateOnly, fmt.Sprint(line["day"])); err != nil {
			s.t.Errorf("the day of %v: %v", line, err)
		}
		if line["currency"] == "chf" {
			found = append(found, fmt.Sprint(line["orders"], " ", line["revenue"]))
		}
	}
	if fmt.Sprint(found) != "[2 1500]" {
		s.t.Errorf("the revenue in chf is %v: %s", found, made.Body)
	}
	none := program.Want(s.t, http.StatusOK, s.Post("/integrations/database/actions/query", `{"name":"revenue","params":{"since":"2999-01-01"}}`))
	if string(none.Body) != `{"data":[]}` {
		s.t.Errorf("the revenue of a day that has not come: %s", none.Body)
	}
}
