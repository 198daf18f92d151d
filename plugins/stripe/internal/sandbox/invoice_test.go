package sandbox

import (
	"net/http"
	"testing"
)

// https://docs.stripe.com/invoicing/integration/workflow-transitions.
func TestAnInvoiceGoesFromDraftToPaid(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=1500&currency=usd&description=Setup")
	before := len(b.events())
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include")
	id := "/v1/invoices/" + made.text("id")
	b.shows(made, map[string]string{
		"status": "draft", "total": "1500", "amount_due": "1500", "billing_reason": "manual", "auto_advance": "false", "number": "<null>",
		"hosted_invoice_url": "<null>", "lines.data.#": "1", "lines.data.0.description": "Setup", "payment_intent": "<null>",
	})
	b.post("/v1/invoiceitems", "customer="+b.customer+"&price_data[currency]=usd&price_data[unit_amount]=250&price_data[product]=prod_456&quantity=2&invoice="+made.text("id"))
	b.shows(b.post(id, "description=April"), map[string]string{"description": "April", "total": "2000"})
	b.shows(b.get(id+"/lines", "limit=1"), map[string]string{"data.#": "1", "has_more": "true", "data.0.amount": "1500"})
	final := b.post(id+"/finalize", "expand[]=payment_intent")
	b.shows(final, map[string]string{"status": "open", "payment_intent.status": "requires_payment_method", "payment_intent.amount": "2000", "ending_balance": "0"})
	if final.text("hosted_invoice_url") == "<null>" || final.text("number") == "<null>" {
		t.Errorf("no page and no number: %s", final.Raw)
	}
	b.refused(400, "invoice_not_editable", http.MethodPost, id+"/finalize", "")
	b.refused(400, "invoice_not_editable", http.MethodPost, id, "collection_method=charge_automatically")
	b.refused(400, "invoice_not_editable", http.MethodDelete, id, "")
	b.shows(b.post(id+"/pay", "expand[]=charge"), map[string]string{"status": "paid", "paid": "true", "charge.status": "succeeded", "amount_paid": "2000", "amount_remaining": "0"})
	b.happened(before, "invoice.created", "price.created", "invoiceitem.created", "invoice.updated", "invoice.updated", "payment_intent.created", "invoice.finalized",
		"charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
	for _, change := range []string{"/pay", "/void", "/mark_uncollectible"} {
		b.refused(400, "invoice_already_paid", http.MethodPost, id+change, "")
	}
}

func TestAnInvoiceAdvancesByItself(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=1500&currency=usd")
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include&auto_advance=true")
	b.pass("59m")
	b.shows(b.get("/v1/invoices/"+made.text("id"), ""), map[string]string{"status": "draft"})
	b.pass("1m")
	b.shows(b.get("/v1/invoices/"+made.text("id"), ""), map[string]string{"status": "paid"})
}

func TestAnInvoiceThatCannotBePaidStaysOpen(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_chargeCustomerFail")
	b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=1500&currency=usd")
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include")
	id := "/v1/invoices/" + made.text("id")
	b.post(id+"/finalize", "")
	before := len(b.events())
	r := b.refused(402, "card_declined", http.MethodPost, id+"/pay", "")
	b.shows(r, map[string]string{"error.type": "card_error"})
	b.happened(before, "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed")
	b.shows(b.get(id, ""), map[string]string{"status": "open", "attempted": "true", "attempt_count": "1", "paid": "false"})
	b.shows(b.post(id+"/mark_uncollectible", ""), map[string]string{"status": "uncollectible"})
	r = b.refused(400, "resource_missing", http.MethodPost, id+"/pay", "payment_method=pm_card_visa") // a new one, which is not the customer's
	b.shows(r, map[string]string{"error.message": "The customer does not have a payment method with the ID pm_card_visa. The payment method must be attached to the customer."})
	r = b.refused(400, "resource_missing", http.MethodPost, id+"/pay", "payment_method=pm_card_none")
	b.shows(r, map[string]string{"error.message": "No such PaymentMethod: 'pm_card_none'"})
	good := b.post("/v1/payment_methods/pm_card_visa/attach", "customer="+b.customer).text("id")
	b.shows(b.post(id+"/pay", "payment_method="+good), map[string]string{"status": "paid"})
}

func TestAnInvoiceIsVoided(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/customers/"+b.customer+"/balance_transactions", "amount=-500&currency=usd")
	b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=1500&currency=usd")
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include")
	id := "/v1/invoices/" + made.text("id")
	b.refused(400, "invoice_not_open", http.MethodPost, id+"/void", "")
	b.shows(b.post(id+"/finalize", ""), map[string]string{"amount_due": "1000", "starting_balance": "-500", "ending_balance": "0"})
	b.shows(b.get("/v1/customers/"+b.customer, ""), map[string]string{"balance": "0"})
	b.shows(b.post(id+"/void", "expand[]=payment_intent"), map[string]string{"status": "void", "payment_intent.status": "canceled"})
	b.shows(b.get("/v1/customers/"+b.customer, ""), map[string]string{"balance": "-500"})
	b.shows(b.get("/v1/customers/"+b.customer+"/balance_transactions", ""), map[string]string{
		"data.#": "3", "data.0.type": "unapplied_from_invoice", "data.0.ending_balance": "-500", "data.1.type": "applied_to_invoice", "data.1.amount": "500", "data.2.type": "adjustment",
	})
	b.refused(400, "invoice_not_open", http.MethodPost, id+"/pay", "")
}

func TestADraftIsDeletedAndItsItemsWaitAgain(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	item := b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=1500&currency=usd").text("id")
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include").text("id")
	b.shows(b.get("/v1/invoiceitems/"+item, ""), map[string]string{"invoice": made})
	b.shows(b.del("/v1/invoices/"+made), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/invoices/"+made, "")
	b.shows(b.post("/v1/invoiceitems/"+item, "amount=700"), map[string]string{"invoice": "<null>", "amount": "700"})
	b.shows(b.get("/v1/invoices/upcoming", "customer="+b.customer), map[string]string{"total": "700"})
	b.del("/v1/invoiceitems/" + item)
	b.refused(404, "invoice_upcoming_none", http.MethodGet, "/v1/invoices/upcoming", "customer="+b.customer)
}

// https://docs.stripe.com/billing/customer/balance: what is too little to charge is
// owed with the next invoice.
func TestWhatIsTooLittleToChargeIsOwed(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/invoiceitems", "customer="+b.customer+"&amount=30&currency=usd")
	made := b.post("/v1/invoices", "customer="+b.customer+"&pending_invoice_items_behavior=include")
	b.shows(b.post("/v1/invoices/"+made.text("id")+"/finalize", ""), map[string]string{"status": "paid", "total": "30", "amount_due": "0", "ending_balance": "30", "payment_intent": "<null>"})
	b.shows(b.get("/v1/customers/"+b.customer, ""), map[string]string{"balance": "30"})
}

func TestInvoicesAreListedAndSearched(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.pass("30d30m")
	b.shows(b.get("/v1/invoices", "subscription="+id+"&status=draft"), map[string]string{"data.#": "1"})
	b.shows(b.get("/v1/invoices", "customer="+b.customer+"&status=paid"), map[string]string{"data.#": "1"})
	b.shows(b.get("/v1/invoices/search", "query=subscription:'"+id+"' AND total>1999"), map[string]string{"data.#": "2"})
	b.shows(b.get("/v1/subscriptions/search", "query=status:'active'"), map[string]string{"data.#": "2"})
}

func TestACustomerHasOneCurrency(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.subscribe("items[0][price]=price_456")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/invoiceitems", "customer="+b.customer+"&amount=100&currency=eur")
}
