package payment

import (
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func refunds() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Refund: "re"},
		Operations: map[string]resource.Operation{
			"PostRefunds":                    createRefund,
			"GetRefunds":                     resource.Lister(Refund, "charge", "payment_intent"),
			"GetRefundsRefund":               resource.Getter(Refund),
			"PostRefundsRefund":              updateRefund,
			"PostRefundsRefundCancel":        cancelRefund,
			"PostChargesChargeRefunds":       refundOfPath,
			"PostChargesChargeRefund":        refundCharge,
			"GetChargesChargeRefunds":        listRefunds,
			"GetChargesChargeRefundsRefund":  getRefund,
			"PostChargesChargeRefundsRefund": updateRefund,
		},
		Timers: map[string]resource.Timer{timerRefund: settleRefund},
	}
}

const (
	timerRefund = "refund.settle"
	// refundTime is how long a refund takes that does not end at once.
	refundTime = 24 * time.Hour
)

func refundList(t *resource.Tx, charge string) Object {
	return t.Sublist(refundsOf(charge), resource.URL("charges", charge, "refunds"))
}

// showRefund has the charge of a refund show it as it is now.
func showRefund(t *resource.Tx, o Object) {
	if charge, ok := t.Find(Charge, o.Text("charge")); ok {
		charge["refunds"] = refundList(t, charge.ID())
		t.Put(charge)
	}
}

func refundsOf(charge string) resource.Filter {
	return resource.Filter{Kind: Refund, Equal: map[string]string{"charge": charge}}
}

func createRefund(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	id := r.Params.Text("charge")
	if intentID := r.Params.Text("payment_intent"); intentID != "" {
		if id != "" {
			return nil, resource.Invalid("payment_intent", "", "You may only specify one of these parameters: charge, payment_intent.")
		}
		intent, refusal := t.Get(PaymentIntent, intentID, "payment_intent")
		if refusal != nil {
			return nil, refusal
		}
		if intent.Text("status") != succeeded {
			return nil, resource.Unexpected("payment_intent_unexpected_state", "This PaymentIntent (%s) does not have a successful charge to refund.", intentID)
		}
		id = intent.Text("latest_charge")
	}
	if id == "" {
		return nil, resource.Invalid("", "parameter_missing", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	charge, refusal := t.Get(Charge, id, "charge")
	if refusal != nil {
		return nil, refusal
	}
	return refund(t, charge, r.Params)
}

func refundOfPath(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	charge, refusal := t.Subject(r, Charge)
	if refusal != nil {
		return nil, refusal
	}
	return refund(t, charge, r.Params)
}

// refundCharge refunds and returns the charge.
func refundCharge(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	made, refusal := refundOfPath(t, r)
	if refusal != nil {
		return nil, refusal
	}
	charge, _ := t.Find(Charge, made.Text("charge"))
	return charge, nil
}

// refund gives an amount of a charge back, or all that is left
// (https://docs.stripe.com/api/refunds/create).
func refund(t *resource.Tx, charge, params Object) (Object, *Refusal) {
	OnClockOf(t, charge)
	left := charge.Int("amount") - charge.Int("amount_refunded")
	amount := left
	if params.Has("amount") {
		amount = params.Int("amount")
	}
	currency := charge.Text("currency")
	switch {
	case !charge.Bool("paid"):
		return nil, resource.Unexpected("charge_not_refundable", "Charge %s is not refundable: it was not paid.", charge.ID())
	case charge.Bool("disputed"):
		return nil, resource.Unexpected("charge_disputed", "Charge %s has been charged back; cannot issue a refund.", charge.ID())
	case charge.Bool("refunded") || left <= 0:
		return nil, resource.Unexpected("charge_already_refunded", "Charge %s has already been refunded.", charge.ID())
	case amount < 1:
		return nil, resource.Invalid("amount", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, resource.Invalid("amount", "", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", spell(amount, currency), spell(left, currency))
	case !charge.Bool("captured") && amount != left:
		return nil, resource.Invalid("amount", "", "You cannot partially refund an uncaptured charge. Instead, capture the charge for an amount less than the original amount.")
	}
	o := t.New(Refund)
	o["amount"], o["currency"], o["charge"], o["payment_intent"] = amount, currency, charge.ID(), charge["payment_intent"]
	o["destination_details"] = Object{"card": Object{"type": "refund"}, "type": "card"}
	o["status"] = succeeded
	if refusal := resource.Update(o, params, "reason", "instructions_email"); refusal != nil {
		return nil, refusal
	}
	c, _ := cardPrinted(charge.Object("payment_method_details").Object(Card).Text("fingerprint"))
	if c.refund == "pending" {
		o["status"] = "pending"
	}
	if c.refund != "" {
		t.After(refundTime, timerRefund, o.ID())
	}
	if charge.Bool("captured") {
		o["balance_transaction"] = Post(t, Entry{
			Type: Refund, Currency: currency, Amount: -amount, Source: o.ID(), Description: "REFUND FOR CHARGE", Available: c.available,
		}).ID()
	} else {
		t.Stop(charge.Text("payment_intent"), timerExpire)
	}
	t.Put(o)
	before := charge.Clone()
	charge["amount_refunded"] = charge.Int("amount_refunded") + amount
	charge["refunded"] = charge.Int("amount_refunded") == charge.Int("amount")
	charge["refunds"] = refundList(t, charge.ID())
	t.Put(charge)
	t.Emit("refund.created", o)
	before["refunds"] = charge["refunds"] // Stripe shows what changed of the charge itself
	t.EmitUpdate("charge.refunded", before, charge)
	return o, nil
}

func listRefunds(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if _, refusal := t.Subject(r, Charge); refusal != nil {
		return nil, refusal
	}
	return t.List(r, refundsOf(r.Subject()))
}

func getRefund(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Refund)
	if refusal == nil && o.Text("charge") != r.PathParam("charge") {
		return nil, resource.MissingSubject(Refund, r.Subject())
	}
	return o, refusal
}

func updateRefund(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Refund)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	showRefund(t, o)
	t.EmitUpdate("charge.refund.updated", before, o)
	t.EmitUpdate("refund.updated", before, o)
	return o, nil
}

// cancelRefund refuses: only refunds that wait for the customer can be canceled, and no
// card's does.
func cancelRefund(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Refund)
	if refusal != nil {
		return nil, refusal
	}
	return nil, resource.Unexpected("", "Refund %s cannot be canceled because it has a status of %s. Only a refund with one of the following statuses may be canceled: requires_action.", o.ID(), o.Text("status"))
}

// settleRefund ends a refund that did not end at once: one that was pending succeeds,
// one that had succeeded fails, and its money comes back.
func settleRefund(t *resource.Tx, id string) {
	o, ok := t.Find(Refund, id)
	if !ok {
		return
	}
	before := o.Clone()
	if o.Text("status") == "pending" {
		o["status"] = succeeded
		t.Put(o)
		showRefund(t, o)
		t.EmitUpdate("charge.refund.updated", before, o)
		t.EmitUpdate("refund.updated", before, o)
		return
	}
	o["status"], o["failure_reason"] = "failed", "expired_or_canceled_card"
	o["failure_balance_transaction"] = Post(t, Entry{
		Type: "refund_failure", Currency: o.Text("currency"), Amount: o.Int("amount"), Source: o.ID(), Description: "REFUND FAILURE", Available: true,
	}).ID()
	t.Put(o)
	if charge, ok := t.Find(Charge, o.Text("charge")); ok {
		charge["amount_refunded"], charge["refunded"] = charge.Int("amount_refunded")-o.Int("amount"), false
		t.Put(charge)
	}
	showRefund(t, o)
	t.EmitUpdate("charge.refund.updated", before, o)
	t.EmitUpdate("refund.updated", before, o)
}
