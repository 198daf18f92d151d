package billing

import (
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// invoices are the operations that make, read and change invoices.
func invoices() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{invoice: "in"},
		Operations: map[string]resource.Operation{
			"PostInvoices":            createInvoice,
			"GetInvoices":             listInvoices,
			"GetInvoicesInvoice":      resource.Getter(invoice),
			"PostInvoicesInvoice":     updateInvoice,
			"DeleteInvoicesInvoice":   deleteInvoice,
			"GetInvoicesInvoiceLines": listLines,
			"GetInvoicesSearch":       resource.Searcher(invoice, resource.SearchFields{"created": resource.NumericField, "currency": resource.TokenField, "customer": resource.TokenField, "number": resource.TokenField, "receipt_number": resource.TokenField, "status": resource.TokenField, "subscription": resource.TokenField, "total": resource.NumericField}),
			"GetInvoicesUpcoming":     upcomingInvoice,
			"GetInvoicesUpcomingLines": func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
				o, refusal := upcomingInvoice(t, r)
				if refusal != nil {
					return nil, refusal
				}
				return pageOfLines(r, o)
			},
		},
		Listeners: map[string][]resource.Listener{
			"payment_intent.succeeded":      {paymentSucceeded},
			"payment_intent.payment_failed": {paymentFailed},
		},
		Timers: map[string]resource.Timer{timerFinalize: finalizeDue, timerRetry: retry, timerDue: pastDue},
		Grace:  map[string]time.Duration{timerFinalize: draftTime},
	}
}

// invoiceUnsupported is what the sandbox does not do with invoices.
var invoiceUnsupported = []unsupported{
	{"revise invoices", []string{"from_invoice"}},
	{"ship with invoices", []string{"shipping_cost"}},
}

// invoiceFields are copied from the params as they are.
var invoiceFields = []string{
	"account_tax_ids", "application_fee_amount", "auto_advance", "collection_method", "custom_fields",
	"default_payment_method", "default_source", "description", "due_date", "effective_at", "footer", "number", "on_behalf_of",
	"shipping_details", "statement_descriptor", "transfer_data",
}

func createInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := refuseUnsupported(r.Params, invoiceUnsupported); refusal != nil {
		return nil, refusal
	}
	var sub resource.Object
	if id := r.Params.Text("subscription"); id != "" {
		var refusal *resource.Refusal
		if sub, refusal = t.Get(subscription, id, "subscription"); refusal != nil {
			return nil, refusal
		}
		if r.Params.Set("customer") && r.Params.Text("customer") != sub.Text("customer") {
			return nil, resource.Missing(subscription, id, "subscription")
		}
	}
	id := first(r.Params.Text("customer"), sub.Text("customer"))
	if id == "" {
		return nil, resource.Invalid("customer", "parameter_missing", "Missing required param: customer.")
	}
	customer, refusal := t.Get(payment.Customer, id, "customer")
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	o := newInvoice(t, customer, sub, reasonManual)
	o["auto_advance"] = false
	o["currency"] = strings.ToLower(first(r.Params.Text("currency"), sub.Text("currency"), customer.Text("currency"), "usd"))
	if refusal := oneCurrency(customer, o.Text("currency")); refusal != nil {
		return nil, refusal
	}
	setDiscounts(t, o, sub, customer)
	if refusal := applyInvoice(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	// An invoice for a subscription is for what is pending of it.
	if sub != nil || r.Params.Text("pending_invoice_items_behavior") == "include" {
		addPending(t, o, customer.ID(), sub.ID())
		if sub != nil && len(o.Object("lines").List("data")) == 0 {
			return nil, resource.Unexpected("invoice_no_subscription_line_items", "Nothing to invoice for subscription %s.", sub.ID())
		}
	}
	if refusal := total(t, o, customer.Int("balance")); refusal != nil {
		return nil, refusal
	}
	storeDraft(t, o)
	return o, nil
}

// applyInvoice reads the params that create and update have in common.
func applyInvoice(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	if refusal := resource.Update(o, params, invoiceFields...); refusal != nil {
		return refusal
	}
	resource.Assign(o.Object("payment_settings"), params.Object("payment_settings"), "default_mandate", "payment_method_options", "payment_method_types")
	switch sends := o.Text("collection_method") == sendInvoice; {
	case params.Set("days_until_due") && params.Set("due_date"):
		return resource.Invalid("days_until_due", "", "You may only specify one of these parameters: days_until_due, due_date.")
	case (params.Set("days_until_due") || params.Set("due_date")) && !sends:
		return resource.Invalid("days_until_due", "", "You can only specify `days_until_due` or `due_date` when `collection_method` is `send_invoice`.")
	case params.Set("days_until_due"):
		dueAfter(o, params.Int("days_until_due"))
	case sends && !o.Set("due_date"):
		return resource.Invalid("days_until_due", "parameter_missing", "If invoices are set to `collection_method=send_invoice`, you must specify `days_until_due` or `due_date`.")
	}
	if id := params.Text("default_payment_method"); id != "" {
		if refusal := payment.AttachedTo(t, id, o.Text("customer"), "default_payment_method"); refusal != nil {
			return refusal
		}
	}
	return applyInvoiceDiscounts(t, o, params)
}

// applyInvoiceDiscounts reads "discounts": one coupon or promotion code, or none.
func applyInvoiceDiscounts(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	if !params.Has("discounts") {
		return nil
	}
	given := params.Objects("discounts")
	o["discount"], o["discounts"] = nil, []any{}
	if len(given) == 0 {
		return nil
	}
	if len(given) > 1 {
		return resource.NotDone("discounts", "give more than one discount to an invoice")
	}
	if id := given[0].Text("discount"); id != "" {
		kept, refusal := t.Get(discount, id, "discounts")
		if refusal != nil {
			return refusal
		}
		o["discount"], o["discounts"] = kept, []any{id}
		return nil
	}
	customer, _ := t.Find(payment.Customer, o.Text("customer"))
	asked, refusal := redeeming(t, given[0], customer, o.Int("subtotal"), o.Text("currency"))
	if refusal != nil || asked == nil {
		return refusal
	}
	made := redeem(t, asked, customer.ID(), o)
	o["discount"], o["discounts"] = made, []any{made.ID()}
	return nil
}

func updateInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, invoice)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	if refusal := refuseUnsupported(r.Params, invoiceUnsupported); refusal != nil {
		return nil, refusal
	}
	if o.Text("status") != "draft" {
		for name := range r.Params {
			if !strings.Contains(" metadata auto_advance default_payment_method default_source description footer payment_settings statement_descriptor expand ", " "+name+" ") {
				return nil, resource.Invalid(name, "invoice_not_editable", "Finalized invoices can't be updated in this way.")
			}
		}
	}
	before := o.Clone()
	if refusal := applyInvoice(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	customer, _ := t.Find(payment.Customer, o.Text("customer"))
	if o.Text("status") == "draft" {
		if refusal := total(t, o, customer.Int("balance")); refusal != nil {
			return nil, refusal
		}
	}
	t.Put(o)
	t.EmitUpdate("invoice.updated", before, o)
	if o.Bool("auto_advance") != before.Bool("auto_advance") {
		t.Stop(o.ID(), timerFinalize)
		if o.Bool("auto_advance") && o.Text("status") == "draft" {
			t.After(draftTime, timerFinalize, o.ID())
		}
	}
	return o, nil
}

// deleteInvoice deletes a draft that is not a subscription's. Its items wait again.
func deleteInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, invoice)
	switch {
	case refusal != nil:
		return nil, refusal
	case o.Text("status") != "draft":
		return nil, resource.Unexpected("invoice_not_editable", "You can only delete draft invoices.")
	case o.Set("subscription") && o.Text("billing_reason") != reasonManual:
		return nil, resource.Unexpected("invoice_not_editable", "Invoices of subscriptions cannot be deleted. Finalize and void this invoice instead.")
	}
	t.On(o.Text("test_clock"))
	for _, line := range o.Object("lines").Objects("data") {
		if item, ok := t.Find(invoiceItem, line.Text("invoice_item")); ok {
			item["invoice"] = nil
			t.Put(item)
		}
	}
	rest := t.Remove(o)
	t.Emit("invoice.deleted", o)
	return rest, nil
}

func listInvoices(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(invoice, r, "collection_method", "customer", "status", "subscription")
	f.Keep = func(o resource.Object) bool { return within(r.Params, o, "due_date") }
	return t.List(r, f)
}

// within says whether a time of an object is one that a param of the same name asks
// for: the time itself, or bounds of it.
func within(params, o resource.Object, name string) bool {
	at := o.Int(name)
	if bounds := params.Object(name); bounds != nil {
		return o.Set(name) &&
			(!bounds.Has("gt") || at > bounds.Int("gt")) && (!bounds.Has("gte") || at >= bounds.Int("gte")) &&
			(!bounds.Has("lt") || at < bounds.Int("lt")) && (!bounds.Has("lte") || at <= bounds.Int("lte"))
	}
	wanted, asked := integer(params, name)
	return !asked || o.Set(name) && at == wanted
}

func listLines(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, invoice)
	if refusal != nil {
		return nil, refusal
	}
	return pageOfLines(r, o)
}

// pageOfLines returns a page of the lines of an invoice.
func pageOfLines(r *resource.Request, o resource.Object) (resource.Object, *resource.Refusal) {
	limit, after, before := 10, r.Params.Text("starting_after"), r.Params.Text("ending_before")
	if r.Params.Has("limit") {
		limit = int(r.Params.Int("limit"))
	}
	if limit < 1 || limit > 100 {
		return nil, resource.Invalid("limit", "parameter_invalid_integer", "This value must be between 1 and 100.")
	}
	lines := o.Object("lines").Objects("data")
	from, to := 0, len(lines)
	for i, line := range lines {
		if line.ID() == after {
			from = i + 1
		}
		if line.ID() == before {
			to = i
		}
	}
	if before != "" {
		from = max(from, to-limit)
	}
	page := []any{}
	for _, line := range lines[min(from, to):to] {
		if len(page) < limit {
			page = append(page, line)
		}
	}
	more := to-from > limit
	if before != "" {
		more = from > 0
	}
	return resource.Object{"object": "list", "data": page, "has_more": more, "url": r.Path}, nil
}
