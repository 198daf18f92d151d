package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// invoiceChanges are the operations that change the status of an invoice
// (https://docs.stripe.com/invoicing/integration/workflow-transitions).
func invoiceChanges() resource.Module {
	return resource.Module{
		Operations: map[string]resource.Operation{
			"PostInvoicesInvoiceFinalize":          finalizeInvoice,
			"PostInvoicesInvoicePay":               payInvoice,
			"PostInvoicesInvoiceSend":              sendInvoiceNow,
			"PostInvoicesInvoiceVoid":              voidInvoice,
			"PostInvoicesInvoiceMarkUncollectible": markUncollectible,
		},
	}
}

func finalizeInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, invoice)
	switch {
	case refusal != nil:
		return nil, refusal
	case o.Text("status") != "draft":
		return nil, resource.Unexpected("invoice_not_editable", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	t.On(o.Text("test_clock"))
	if r.Params.Has("auto_advance") {
		o["auto_advance"] = r.Params.Bool("auto_advance")
	}
	if refusal := finalize(t, o); refusal != nil {
		return nil, refusal
	}
	// The first attempt follows within the hour; the sandbox makes it an hour later, so
	// that the invoice can be paid by hand before.
	if o = t.Fresh(o); o.Bool("auto_advance") && o.Text("status") == "open" {
		before := o.Clone()
		if o.Text("collection_method") == sendInvoice {
			t.Emit("invoice.sent", o)
			return o, nil
		}
		at := t.Now().Add(draftTime)
		o["next_payment_attempt"] = at.Unix()
		t.At(at, timerRetry, o.ID())
		t.Put(o)
		t.EmitUpdate("invoice.updated", before, o)
	}
	return o, nil
}

// opened returns the invoice that the path names, final and not paid.
func opened(t *resource.Tx, r *resource.Request, statuses ...string) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, invoice)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	for _, status := range statuses {
		if o.Text("status") == status {
			return o, nil
		}
	}
	if o.Text("status") == "paid" {
		return nil, resource.Unexpected("invoice_already_paid", "Invoice is already paid")
	}
	return nil, resource.Unexpected("invoice_not_open", "You can only do this with an open invoice. This one is %s.", o.Text("status"))
}

func payInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := opened(t, r, "draft", "open", "uncollectible")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := refuse(r.Params, "keep sources and mandates", "source", "mandate"); refusal != nil {
		return nil, refusal
	}
	method := r.Params.Text("payment_method")
	if method != "" {
		if refusal := payment.AttachedTo(t, method, o.Text("customer"), "payment_method"); refusal != nil {
			return nil, refusal
		}
	}
	if o.Text("status") == "draft" {
		if refusal := finalize(t, o); refusal != nil {
			return nil, refusal
		}
		if o = t.Fresh(o); o.Text("status") == "paid" {
			return o, nil
		}
	}
	if r.Params.Bool("paid_out_of_band") {
		o["paid_out_of_band"] = true
		cancelPayment(t, o)
		settle(t, o, nil)
		return o, nil
	}
	offSession := !r.Params.Has("off_session") || r.Params.Bool("off_session")
	if first(method, methodFor(t, o)) == "" {
		return nil, resource.Unexpected("", "There is no `default_payment_method` set on this Customer or Invoice. Please set either an `invoice_settings.default_payment_method` on the Customer, or a `default_payment_method` on the Invoice.")
	}
	if refusal := collect(t, o, method, offSession); refusal != nil {
		return nil, refusal
	}
	return t.Fresh(o), nil
}

func sendInvoiceNow(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := opened(t, r, "draft", "open", "uncollectible")
	if refusal != nil {
		return nil, refusal
	}
	if o.Text("collection_method") != sendInvoice {
		return nil, resource.Unexpected("", "You can only manually send an invoice if its collection method is 'send_invoice'.")
	}
	if o.Text("status") == "draft" {
		if refusal := finalize(t, o); refusal != nil {
			return nil, refusal
		}
		o = t.Fresh(o)
	}
	t.Emit("invoice.sent", o)
	return o, nil
}

func voidInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := opened(t, r, "open", "uncollectible")
	if refusal != nil {
		return nil, refusal
	}
	void(t, o)
	return t.Fresh(o), nil
}

// void makes an invoice as if it had never been: its payment intent is canceled, and
// what it took of the customer's balance is given back.
func void(t *resource.Tx, o resource.Object) {
	conclude(t, o, "void", "voided_at")
	cancelPayment(t, o)
	if used := o.Int("ending_balance") - o.Int("starting_balance"); used != 0 {
		if customer, ok := t.Find(payment.Customer, o.Text("customer")); ok && !customer.Bool("deleted") {
			addToBalance(t, customer, -used, o.Text("currency"), "unapplied_from_invoice", o.ID())
		}
	}
	t.Emit("invoice.voided", o)
	forgiven(t, o)
}

// cancelPayment cancels the payment intent of an invoice that is not paid by it.
func cancelPayment(t *resource.Tx, o resource.Object) {
	if intent, ok := t.Find(payment.PaymentIntent, o.Text("payment_intent")); ok && intent.Text("status") != "succeeded" {
		payment.CancelIntent(t, intent, "void_invoice")
	}
}

func markUncollectible(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := opened(t, r, "open")
	if refusal != nil {
		return nil, refusal
	}
	writeOff(t, o)
	return t.Fresh(o), nil
}

// writeOff gives an invoice up.
func writeOff(t *resource.Tx, o resource.Object) {
	conclude(t, o, "uncollectible", "marked_uncollectible_at")
	t.Emit("invoice.marked_uncollectible", o)
	forgiven(t, o)
}

// conclude ends the collection of an invoice.
func conclude(t *resource.Tx, o resource.Object, status, at string) {
	before := o.Clone()
	t.Stop(o.ID(), "")
	o["status"], o["auto_advance"], o["next_payment_attempt"] = status, false, nil
	o.Object("status_transitions")[at] = t.Now().Unix()
	t.Put(o)
	t.EmitUpdate("invoice.updated", before, o)
}

// forgiven is what follows for a subscription when an invoice need not be paid any
// more: a first payment will not come, a late one is late no more.
func forgiven(t *resource.Tx, o resource.Object) {
	sub, ok := t.Find(subscription, o.Text("subscription"))
	switch {
	case !ok || o.ID() != sub.Text("latest_invoice"):
	case sub.Text("status") == "incomplete" && o.Text("status") == "void":
		expire(t, sub)
	case sub.Text("status") == "past_due":
		setStatus(t, sub, "active")
	}
}
