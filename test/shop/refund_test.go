package shop

import (
	"fmt"
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
