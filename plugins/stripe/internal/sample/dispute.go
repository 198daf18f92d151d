package sample

// outcome is what the card network said
// (https://docs.stripe.com/api/charges/object, outcome).
func outcome(status, kind, message string) object {
	reason := any(nil)
	if kind == "issuer_declined" {
		reason = "generic_decline"
	}
	return object{"network_status": status, "reason": reason, "risk_level": "normal", "seller_message": message, "type": kind}
}

// withdrawn takes the money of a dispute, and Stripe's fee for it, out of the
// balance.
func withdrawn(w *world, o object) error {
	return move(w, o, "dispute", "Chargeback withdrawal for "+w.id("charge"), -1, 1500)
}

// reinstated gives the money of a dispute that was won back.
func reinstated(w *world, o object) error {
	return move(w, o, "dispute_reversal", "Chargeback reversal for "+w.id("charge"), 1, -1500)
}

// move adds a movement of the balance to a dispute.
func move(w *world, o object, category, description string, sign, fee int64) error {
	transaction, err := w.build("balance_transaction")
	if err != nil {
		return err
	}
	amount := sign * whole(o["amount"])
	transaction["id"], transaction["amount"], transaction["currency"] = newID("txn_"), number(amount), o["currency"]
	transaction["fee"], transaction["net"], transaction["description"] = number(fee), number(amount-fee), description
	transaction["fee_details"] = []any{object{
		"amount": number(fee), "application": nil, "currency": o["currency"], "description": "Dispute fee", "type": "stripe_fee",
	}}
	transaction["type"], transaction["reporting_category"], transaction["source"] = "adjustment", category, o["id"]
	moved, _ := o["balance_transactions"].([]any)
	o["balance_transactions"] = append(moved, transaction)
	return nil
}
