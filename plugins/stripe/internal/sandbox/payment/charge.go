package payment

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func charges() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Charge: "ch"},
		Operations: map[string]resource.Operation{
			"PostCharges":              createCharge,
			"GetCharges":               resource.Lister(Charge, "customer", "payment_intent", "transfer_group"),
			"GetChargesCharge":         resource.Getter(Charge),
			"PostChargesCharge":        updateCharge,
			"PostChargesChargeCapture": captureCharge,
			"GetChargesSearch": resource.Searcher(Charge, resource.SearchFields{
				"amount": resource.NumericField, "created": resource.NumericField, "currency": resource.TokenField, "customer": resource.TokenField,
				"disputed": resource.TokenField, "refunded": resource.TokenField, "status": resource.TokenField,
				"payment_method_details.card.brand": resource.TokenField, "payment_method_details.card.exp_month": resource.NumericField,
				"payment_method_details.card.exp_year": resource.NumericField, "payment_method_details.card.fingerprint": resource.TokenField,
				"payment_method_details.card.last4": resource.TokenField, "billing_details.address.postal_code": resource.TokenField,
			}),
		},
	}
}

// newCharge makes the charge of an intent with a payment method. It is not stored, and
// nothing is decided yet.
func newCharge(t *resource.Tx, intent, method Object) Object {
	o := t.New(Charge)
	o["amount"], o["amount_captured"], o["amount_refunded"] = intent["amount"], 0, 0
	o["disputed"], o["refunded"], o["paid"], o["captured"], o["status"] = false, false, false, false, "pending"
	o["fraud_details"] = Object{}
	o["billing_details"] = method.Object("billing_details").Clone()
	o["payment_method"], o["payment_method_details"] = method.ID(), methodDetails(method)
	o["outcome"] = Object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": 20, "seller_message": "Payment complete.", "type": "authorized"}
	o["calculated_statement_descriptor"] = "SANDBOX"
	o["receipt_url"] = resource.Origin + "/receipts/" + o.ID()
	o["refunds"] = refundList(t, o.ID())
	for _, name := range []string{"currency", "customer", "description", "invoice", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group", "application_fee_amount"} {
		o[name] = intent[name]
	}
	o["metadata"] = Object{}
	if given := intent.Object("metadata"); given != nil {
		o["metadata"] = given.Clone()
	}
	if details := o.Object("payment_method_details").Object(Card); details != nil {
		details.Object("overcapture")["maximum_amount_capturable"] = o["amount"]
	}
	if intent.Kind() == PaymentIntent {
		o["payment_intent"] = intent.ID()
	}
	return o
}

// methodDetails is what a charge shows of its payment method.
func methodDetails(method Object) Object {
	kind := method.Text("type")
	if kind != Card {
		return Object{"type": kind, kind: method.Object(kind).Clone()}
	}
	details := method.Object(Card)
	shown := Object{
		"amount_authorized": nil, "checks": details.Object("checks").Clone(), "extended_authorization": Object{"status": "disabled"},
		"incremental_authorization": Object{"status": "unavailable"}, "installments": nil, "mandate": nil,
		"multicapture": Object{"status": "unavailable"}, "network": details["brand"], "network_token": Object{"used": false},
		"overcapture": Object{"status": "unavailable"}, "three_d_secure": nil, "wallet": nil,
	}
	for _, name := range []string{"brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"} {
		shown[name] = details[name]
	}
	return Object{"type": Card, Card: shown}
}

// declineCharge marks a charge as declined.
func declineCharge(o Object, decline string) {
	why := reasonOf(decline)
	o["status"], o["failure_code"], o["failure_message"] = "failed", why.code, why.message
	o["receipt_url"] = nil
	explained := why.decline
	if explained == "" {
		explained = why.code
	}
	o["outcome"] = Object{"network_status": "declined_by_network", "reason": explained, "risk_level": "normal", "risk_score": 20, "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"}
	if decline == "fraudulent" {
		o["outcome"] = Object{"network_status": "not_sent_to_network", "reason": "highest_risk_level", "risk_level": "highest", "risk_score": 99, "seller_message": "Stripe blocked this payment as too risky.", "type": "blocked"}
	}
}

// book moves the captured amount of a charge into the balance. The charge is not stored.
func book(t *resource.Tx, o Object, amount int64) {
	c, _ := cardPrinted(o.Object("payment_method_details").Object(Card).Text("fingerprint"))
	o["amount_captured"] = amount
	o["balance_transaction"] = Post(t, Entry{
		Type: "charge", Currency: o.Text("currency"), Amount: amount, Fee: feeOf(amount), Source: o.ID(),
		Description: o["description"], Available: c.available,
	}).ID()
}

// createCharge charges a token or a card, as was done before payment intents.
func createCharge(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if !r.Params.Has("amount") {
		return nil, resource.Invalid("amount", "parameter_missing", "Missing required param: amount.")
	}
	currency, refusal := Currency(r.Params)
	if refusal == nil {
		refusal = checkAmount(r.Params.Int("amount"), currency)
	}
	if refusal != nil {
		return nil, refusal
	}
	method, refusal := chargedMethod(t, r.Params)
	if refusal != nil {
		return nil, refusal
	}
	order := Object{"amount": r.Params.Int("amount"), "currency": currency}
	resource.Assign(order, r.Params, "customer", "description", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group", "application_fee_amount")
	o := newCharge(t, order, method)
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	c, _ := cardOf(method)
	decline := c.decline
	if c.asks == always {
		decline = "authentication_required"
	}
	if decline != "" {
		declineCharge(o, decline)
		t.Put(o)
		t.Emit("charge.failed", o)
		return nil, declined(decline, Object{"charge": o.ID()})
	}
	o["paid"], o["status"] = true, succeeded
	if o["captured"] = !r.Params.Has("capture") || r.Params.Bool("capture"); o.Bool("captured") {
		book(t, o, o.Int("amount"))
	}
	t.Put(o)
	t.Emit("charge.succeeded", o)
	return o, nil
}

// chargedMethod is what a charge is made with: its source, or that of its customer.
func chargedMethod(t *resource.Tx, params Object) (Object, *Refusal) {
	source := params.Text("source")
	if id := params.Text("customer"); id != "" {
		customer, refusal := t.Get(Customer, id, "customer")
		if refusal != nil {
			return nil, refusal
		}
		t.On(customer.Text("test_clock"))
		if source == "" {
			source = customer.Text("default_source")
		}
		if source == "" {
			refusal := wrongCard("missing", "", "Cannot charge a customer that has no active card")
			return nil, refusal
		}
	}
	if source == "" {
		return nil, resource.Invalid("", "parameter_missing", "Must provide source or customer.")
	}
	if o, ok := t.Find(Card, source); ok {
		return methodOfCard(t, o), nil
	}
	c, refusal := cardOfToken(t, source, "source")
	if refusal != nil {
		return nil, refusal
	}
	method := newMethod(t, c)
	t.Remove(method)
	method["id"] = t.NewID(Card)
	return method, nil
}

func updateCharge(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Charge)
	if refusal != nil {
		return nil, refusal
	}
	OnClockOf(t, o)
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "description", "fraud_details", "receipt_email", "shipping", "transfer_group"); refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("customer"); id != "" {
		if _, refusal := t.Get(Customer, id, "customer"); refusal != nil {
			return nil, refusal
		}
		o["customer"] = id
	}
	t.Put(o)
	t.EmitUpdate("charge.updated", before, o)
	return o, nil
}

func captureCharge(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Charge)
	if refusal != nil {
		return nil, refusal
	}
	OnClockOf(t, o)
	switch {
	case o.Bool("captured"):
		return nil, resource.Unexpected("charge_already_captured", "Charge %s has already been captured.", o.ID())
	case o.Bool("refunded"):
		return nil, resource.Unexpected("charge_already_refunded", "Charge %s has already been refunded.", o.ID())
	case !o.Bool("paid"):
		return nil, resource.Unexpected("", "Charge %s has failed and cannot be captured.", o.ID())
	}
	amount := o.Int("amount")
	if r.Params.Has("amount") {
		if amount = r.Params.Int("amount"); amount < 1 || amount > o.Int("amount") {
			return nil, resource.Invalid("amount", "amount_too_large", "The amount to capture is from 1 to the amount that was authorized (%s).", spell(o.Int("amount"), o.Text("currency")))
		}
	}
	resource.Assign(o, r.Params, "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group", "application_fee_amount")
	if intent, ok := t.Find(PaymentIntent, o.Text("payment_intent")); ok {
		capture(t, intent, o, amount)
		return o, nil
	}
	o["captured"] = true
	book(t, o, amount)
	if rest := o.Int("amount") - amount; rest > 0 {
		o["amount_refunded"] = rest
	}
	t.Put(o)
	t.Emit("charge.captured", o)
	return o, nil
}
