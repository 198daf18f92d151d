package billing

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func invoiceItems() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{invoiceItem: "ii"},
		Operations: map[string]resource.Operation{
			"PostInvoiceitems":              createItem,
			"GetInvoiceitems":               listItems,
			"GetInvoiceitemsInvoiceitem":    resource.Getter(invoiceItem),
			"PostInvoiceitemsInvoiceitem":   updateItem,
			"DeleteInvoiceitemsInvoiceitem": deleteItem,
		},
	}
}

// newItem makes an item that waits for an invoice. It is not stored yet.
func newItem(t *resource.Tx, customer resource.Object, currency string) resource.Object {
	o := t.New(invoiceItem)
	o["customer"], o["currency"], o["date"] = customer.ID(), currency, t.Now().Unix()
	o["discountable"], o["discounts"], o["tax_rates"] = true, []any{}, []any{}
	o["period"] = resource.Object{"start": t.Now().Unix(), "end": t.Now().Unix()}
	o["proration"], o["quantity"] = false, 1
	o["test_clock"] = orNull(t.Clock())
	return o
}

func createItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	customer, refusal := t.Get(payment.Customer, r.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	currency := strings.ToLower(first(r.Params.Text("currency"), customer.Text("currency"), "usd"))
	o := newItem(t, customer, currency)
	if refusal := applyItem(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("subscription"); id != "" {
		of, refusal := t.Get(subscription, id, "subscription")
		if refusal != nil {
			return nil, refusal
		}
		if of.Text("customer") != customer.ID() {
			return nil, resource.Missing(subscription, id, "subscription")
		}
		o["subscription"] = id
	}
	if refusal := oneCurrency(customer, o.Text("currency")); refusal != nil {
		return nil, refusal
	}
	var into resource.Object
	if id := r.Params.Text("invoice"); id != "" {
		if into, refusal = t.Get(invoice, id, "invoice"); refusal != nil {
			return nil, refusal
		}
		switch {
		case into.Text("customer") != customer.ID():
			return nil, resource.Missing(invoice, id, "invoice")
		case into.Text("status") != "draft":
			return nil, resource.Unexpected("invoice_not_editable", "This invoice is no longer editable, since it is not a draft any more.")
		case into.Text("currency") != o.Text("currency"):
			return nil, resource.Invalid("currency", "", "The currency of the invoice item, %s, is not that of the invoice, %s.", o.Text("currency"), into.Text("currency"))
		}
	}
	keepCurrency(t, customer, o.Text("currency"))
	if into != nil {
		before := into.Clone()
		addItem(t, into, o)
		if refusal := total(t, into, customer.Int("balance")); refusal != nil {
			return nil, refusal
		}
		t.Put(into)
		t.Emit("invoiceitem.created", o)
		t.EmitUpdate("invoice.updated", before, into)
		return o, nil
	}
	t.Put(o)
	t.Emit("invoiceitem.created", o)
	return o, nil
}

// oneCurrency refuses a second currency: a customer has one
// (https://docs.stripe.com/billing/customer#currency).
func oneCurrency(customer resource.Object, currency string) *resource.Refusal {
	if customer.Set("currency") && customer.Text("currency") != currency {
		return resource.Invalid("currency", "", "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice item with currency %s.", customer.Text("currency"))
	}
	return nil
}

// keepCurrency gives a customer the currency of what was billed first.
func keepCurrency(t *resource.Tx, customer resource.Object, currency string) {
	if !customer.Set("currency") {
		customer["currency"] = currency
		t.Put(customer)
	}
}

// applyItem reads what an item costs, and its other params.
func applyItem(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	if refusal := refuse(params, "compute taxes", "tax_rates"); refusal != nil {
		return refusal
	}
	if refusal := refuse(params, "give discounts to single items", "discounts"); refusal != nil {
		return refusal
	}
	if params.Has("quantity") {
		o["quantity"] = params.Int("quantity")
	}
	where := func(name string) string { return name }
	unit, refusal := unitAmount(params, where, "unit_amount")
	if refusal != nil && params.Int("unit_amount") >= 0 {
		return refusal
	}
	switch {
	case params.Set("price") || params.Object("price_data") != nil:
		of, refusal := pricedBy(t, params, "one_time", "")
		if refusal != nil {
			return refusal
		}
		amount, err := cost(t, of).Amount(o.Int("quantity"))
		if err != nil {
			return tooLarge()
		}
		o["price"], o["amount"], o["currency"] = of, amount, of.Text("currency")
		o["unit_amount"], o["unit_amount_decimal"] = of["unit_amount"], of["unit_amount_decimal"]
		o["description"] = productName(t, of)
	case unit != nil || params.Set("unit_amount"):
		if unit == nil { // an amount below 0 is a credit
			credit := rating.Whole(params.Int("unit_amount"))
			unit = &credit
		}
		amount, err := rating.Price{Unit: *unit}.Amount(o.Int("quantity"))
		if err != nil {
			return tooLarge()
		}
		o["amount"] = amount
		showAmount(o, "unit_amount", *unit)
	case params.Has("amount"):
		if params.Int("amount") > rating.MaxAmount || params.Int("amount") < -rating.MaxAmount {
			return tooLarge()
		}
		o["amount"], o["quantity"] = params.Int("amount"), 1
		showAmount(o, "unit_amount", rating.Whole(params.Int("amount")))
	case params.Has("quantity") && o.Set("unit_amount_decimal"):
		amount, err := rating.Price{Unit: decimal(o["unit_amount_decimal"])}.Amount(o.Int("quantity"))
		if err != nil {
			return tooLarge()
		}
		o["amount"] = amount
	case !o.Has("amount") || o["amount"] == nil:
		return resource.Invalid("amount", "parameter_missing", "You must pass either `amount`, `unit_amount`, or `price`.")
	}
	if given := params.Object("period"); given != nil {
		if given.Int("end") < given.Int("start") {
			return resource.Invalid("period[end]", "", "The end of a period cannot be before its start.")
		}
		o["period"] = resource.Object{"start": given.Int("start"), "end": given.Int("end")}
	}
	return resource.Update(o, params, "description", "discountable")
}

// itemToChange returns the item of a request, and the invoice that it is in, nil if it
// is in no invoice. An item of an invoice that is final is refused. Time is that of the
// item's test clock from then on.
func itemToChange(t *resource.Tx, r *resource.Request) (item, into resource.Object, refusal *resource.Refusal) {
	item, refusal = t.Subject(r, invoiceItem)
	if refusal != nil {
		return nil, nil, refusal
	}
	t.On(item.Text("test_clock"))
	into, ok := t.Find(invoice, item.Text("invoice"))
	if ok && into.Text("status") != "draft" {
		return nil, nil, resource.Unexpected("invoice_not_editable", "This invoice item is part of an invoice that is no longer editable.")
	}
	return item, into, nil
}

func updateItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, into, refusal := itemToChange(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := applyItem(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	if into != nil {
		if refusal := reline(t, into, o, true); refusal != nil {
			return nil, refusal
		}
	}
	return o, nil
}

func deleteItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, into, refusal := itemToChange(t, r)
	if refusal != nil {
		return nil, refusal
	}
	rest := t.Remove(o)
	t.Emit("invoiceitem.deleted", o)
	if into != nil {
		if refusal := reline(t, into, o, false); refusal != nil {
			return nil, refusal
		}
	}
	return rest, nil
}

// reline makes the line of an item anew, or takes it away, in a draft.
func reline(t *resource.Tx, into, item resource.Object, keep bool) *resource.Refusal {
	before := into.Clone()
	list := into.Object("lines")
	data := []any{}
	for _, line := range list.Objects("data") {
		switch {
		case line.Text("invoice_item") != item.ID():
			data = append(data, line)
		case keep:
			changed := itemLine(t, item)
			changed["id"], changed["invoice"] = line["id"], into.ID()
			data = append(data, changed)
		}
	}
	list["data"] = data
	customer, _ := t.Find(payment.Customer, into.Text("customer"))
	if refusal := total(t, into, customer.Int("balance")); refusal != nil {
		return refusal
	}
	t.Put(into)
	t.EmitUpdate("invoice.updated", before, into)
	return nil
}

func listItems(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(invoiceItem, r, "customer", "invoice")
	f.Keep = func(o resource.Object) bool {
		return !r.Params.Has("pending") || r.Params.Bool("pending") == !o.Set("invoice")
	}
	return t.List(r, f)
}
