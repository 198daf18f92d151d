package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// What makes an invoice (https://docs.stripe.com/api/invoices/object, billing_reason).
const (
	reasonCreate = "subscription_create"
	reasonCycle  = "subscription_cycle"
	reasonUpdate = "subscription_update"
	reasonManual = "manual"
)

const (
	chargeAutomatically = "charge_automatically"
	sendInvoice         = "send_invoice"
)

// newInvoice makes a draft without lines, for a customer, and for a subscription
// where it is not nil. It is not stored yet.
func newInvoice(t *resource.Tx, customer, sub resource.Object, reason string) resource.Object {
	o := t.New(invoice)
	o["account_country"], o["issuer"] = "US", resource.Object{"type": "self"}
	o["billing_reason"], o["status"], o["customer"] = reason, "draft", customer.ID()
	for _, name := range []string{"address", "email", "name", "phone", "shipping"} {
		o["customer_"+name] = customer[name]
	}
	o["customer_tax_exempt"] = first(customer.Text("tax_exempt"), "none")
	o["customer_tax_ids"], o["discounts"] = []any{}, []any{}
	o["total_discount_amounts"], o["total_tax_amounts"], o["default_tax_rates"] = []any{}, []any{}, []any{}
	o["status_transitions"] = resource.Object{"finalized_at": nil, "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil}
	o["automatic_tax"] = resource.Object{"enabled": false, "liability": nil, "status": nil}
	o["payment_settings"] = resource.Object{"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil}
	o["collection_method"], o["auto_advance"] = chargeAutomatically, false
	o["amount_paid"], o["amount_shipping"], o["attempt_count"] = 0, 0, 0
	o["attempted"], o["paid"], o["paid_out_of_band"] = false, false, false
	o["period_start"], o["period_end"] = o["created"], o["created"]
	o["webhooks_delivered_at"] = o["created"]
	o["test_clock"] = orNull(t.Clock())
	o["subscription_details"] = resource.Object{"metadata": nil}
	if sub != nil {
		o["subscription"], o["currency"], o["auto_advance"] = sub.ID(), sub.Text("currency"), true
		resource.Assign(o, sub, "collection_method", "on_behalf_of")
		o["subscription_details"] = resource.Object{"metadata": sub.Object("metadata").Clone()}
		resource.Assign(o.Object("payment_settings"), sub.Object("payment_settings"), "payment_method_options", "payment_method_types")
	}
	o["lines"] = resource.Object{"object": "list", "data": []any{}, "has_more": false, "url": resource.URL("invoices", o.ID(), "lines")}
	return o
}

// dueAfter sets the day by which an invoice that is sent is to be paid.
func dueAfter(o resource.Object, days int64) {
	o["due_date"] = o.Int("created") + days*24*60*60
}

// addLines adds lines to a draft.
func addLines(o resource.Object, lines ...resource.Object) {
	list := o.Object("lines")
	data := list.List("data")
	for _, line := range lines {
		if id := o.ID(); id != "" {
			line["invoice"] = id
		}
		data = append(data, line)
	}
	list["data"] = data
}

// addPending adds the items of a customer that wait for an invoice: those of the
// subscription, and those of none. The items are attached to it.
func addPending(t *resource.Tx, o resource.Object, customer, sub string) {
	for _, item := range pending(t, customer, sub) {
		addItem(t, o, item)
	}
}

// addItem attaches an item to a draft.
func addItem(t *resource.Tx, o, item resource.Object) {
	item["invoice"] = o.ID()
	t.Put(item)
	addLines(o, itemLine(t, item))
}

// pending returns the items of a customer that wait for an invoice, oldest first.
func pending(t *resource.Tx, customer, sub string) []resource.Object {
	return t.All(resource.Filter{Kind: invoiceItem, Equal: map[string]string{"customer": customer}, OldestFirst: true, Keep: func(o resource.Object) bool {
		return !o.Set("invoice") && (!o.Set("subscription") || o.Text("subscription") == sub)
	}})
}

// setDiscounts makes an invoice take the discounts of given objects, as far as they
// last: the first that has one counts.
func setDiscounts(t *resource.Tx, o resource.Object, owners ...resource.Object) {
	for _, owner := range owners {
		given := inForce(t, owner)
		if of := given.Object("coupon"); given != nil && (!of.Set("amount_off") || of.Text("currency") == o.Text("currency")) {
			o["discount"], o["discounts"] = given, []any{given.ID()}
			return
		}
	}
}

// total adds an invoice up, for a customer with a balance.
func total(t *resource.Tx, o resource.Object, balance int64) *resource.Refusal {
	lines := o.Object("lines").Objects("data")
	amounts, counted := make([]int64, len(lines)), make([]rating.Line, len(lines))
	for i, line := range lines {
		amounts[i] = line.Int("amount")
		counted[i] = rating.Line{Amount: amounts[i], Product: line.Object("price").Text("product"), Discountable: line.Bool("discountable")}
		line["discount_amounts"] = []any{}
	}
	var off []int64
	o["total_discount_amounts"] = []any{}
	if given := o.Object("discount"); given != nil {
		var err error
		if off, err = Reduction(t, given.Object("coupon")).Off(counted); err != nil {
			return tooLarge()
		}
		sum := int64(0)
		for i, amount := range off {
			if amount != 0 {
				lines[i]["discount_amounts"] = []any{resource.Object{"amount": amount, "discount": given.ID()}}
			}
			sum += amount
		}
		o["total_discount_amounts"] = []any{resource.Object{"amount": sum, "discount": given.ID()}}
	}
	sums := rating.Sum(amounts, off, balance, payment.Minimum(o.Text("currency")))
	if sums.Subtotal > rating.MaxAmount || sums.AmountDue > rating.MaxAmount {
		return tooLarge()
	}
	o["subtotal"], o["subtotal_excluding_tax"] = sums.Subtotal, sums.Subtotal
	o["total"], o["total_excluding_tax"], o["tax"] = sums.Total, sums.Total, nil
	o["starting_balance"], o["amount_due"], o["amount_remaining"] = sums.StartingBalance, sums.AmountDue, sums.AmountDue
	o["ending_balance"] = nil
	if o.Text("status") != "draft" {
		o["ending_balance"] = sums.EndingBalance
	}
	return nil
}

func tooLarge() *resource.Refusal {
	return resource.Unexpected("amount_too_large", "The amount of this invoice is greater than the maximum that is allowed.")
}

// storeDraft stores a draft that is complete, makes its event, and has it become
// final by itself if it is to.
func storeDraft(t *resource.Tx, o resource.Object) {
	t.Put(o)
	t.Emit("invoice.created", o)
	if o.Bool("auto_advance") {
		t.After(draftTime, timerFinalize, o.ID())
	}
}
