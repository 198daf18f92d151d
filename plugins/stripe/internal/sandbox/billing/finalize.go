package billing

import (
	"fmt"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// finalize makes a draft final: it gets its number, the customer's balance is used,
// a discount that counts once is over, and a payment intent stands for what is due. An
// invoice of which nothing is due is paid
// (https://docs.stripe.com/invoicing/integration/workflow-transitions).
func finalize(t *resource.Tx, o resource.Object) *resource.Refusal {
	customer, ok := t.Find(payment.Customer, o.Text("customer"))
	if !ok || customer.Bool("deleted") {
		return resource.Missing(payment.Customer, o.Text("customer"), "customer")
	}
	t.Stop(o.ID(), timerFinalize)
	o["status"] = "open"
	if refusal := total(t, o, customer.Int("balance")); refusal != nil {
		return refusal
	}
	now := t.Now().Unix()
	o.Object("status_transitions")["finalized_at"] = now
	if !o.Set("effective_at") {
		o["effective_at"] = now
	}
	number(t, o, customer)
	page := "https://invoice.stripe.com/i/acct_sandbox/test_" + o.ID()
	o["hosted_invoice_url"], o["invoice_pdf"] = page, page+"/pdf"
	useBalance(t, o, customer)
	endOnce(t, o)
	if o.Int("amount_due") > 0 {
		o["payment_intent"] = intentOf(t, o).ID()
	}
	t.Put(o)
	t.Emit("invoice.finalized", o)
	if o.Int("amount_due") == 0 {
		settle(t, o, nil)
		return nil
	}
	if o.Text("collection_method") == sendInvoice && o.Set("due_date") {
		t.At(unix(o.Int("due_date")), timerDue, o.ID())
	}
	return nil
}

// number gives an invoice the next number of its customer.
func number(t *resource.Tx, o, customer resource.Object) {
	next := max(customer.Int("next_invoice_sequence"), 1)
	customer["next_invoice_sequence"] = next + 1
	keepCurrency(t, customer, o.Text("currency"))
	t.Put(customer)
	if !o.Set("number") {
		o["number"] = fmt.Sprintf("%s-%04d", customer.Text("invoice_prefix"), next)
	}
}

// useBalance moves what the customer's balance paid, or took over, off it.
func useBalance(t *resource.Tx, o, customer resource.Object) {
	change := o.Int("ending_balance") - o.Int("starting_balance")
	if change == 0 {
		return
	}
	why := "applied_to_invoice"
	if o.Int("total") < 0 || o.Int("amount_due") == 0 && o.Int("ending_balance") > 0 {
		why = "invoice_too_small"
	}
	addToBalance(t, customer, change, o.Text("currency"), why, o.ID())
}

// endOnce ends a discount that counts for one invoice: this was it.
func endOnce(t *resource.Tx, o resource.Object) {
	given := o.Object("discount")
	if given.Object("coupon").Text("duration") != "once" {
		return
	}
	for _, owner := range []struct{ kind, id string }{{subscription, o.Text("subscription")}, {payment.Customer, o.Text("customer")}} {
		of, ok := t.Find(owner.kind, owner.id)
		if ok && of.Object("discount").ID() == given.ID() {
			of["discount"] = nil
			t.Put(of)
			t.Emit("customer.discount.deleted", given)
		}
	}
}

// finalizeDue makes a draft final whose time has come, and collects it.
func finalizeDue(t *resource.Tx, id string) {
	o, ok := t.Find(invoice, id)
	if !ok || o.Text("status") != "draft" || !o.Bool("auto_advance") {
		return
	}
	if refusal := finalize(t, o); refusal != nil {
		o = t.Fresh(o)
		before := o.Clone()
		o["auto_advance"] = false
		o["last_finalization_error"] = refusal.Object().Object("error")
		t.Put(o)
		t.EmitUpdate("invoice.updated", before, o)
		t.Emit("invoice.finalization_failed", o)
		return
	}
	advance(t, t.Fresh(o))
}

// advance does what follows by itself on an invoice that is final: it is sent, or its
// payment is collected.
func advance(t *resource.Tx, o resource.Object) {
	switch {
	case o.Text("status") != "open":
	case o.Text("collection_method") == sendInvoice:
		t.Emit("invoice.sent", o)
	default:
		collect(t, o, "", true)
	}
}

// pastDue is what happens on the day after which an invoice that was sent is late:
// the subscription is past due.
func pastDue(t *resource.Tx, id string) {
	o, ok := t.Find(invoice, id)
	if !ok || o.Text("status") != "open" {
		return
	}
	if sub, ok := t.Find(subscription, o.Text("subscription")); ok && sub.Text("status") == "active" {
		setStatus(t, sub, "past_due")
	}
}
