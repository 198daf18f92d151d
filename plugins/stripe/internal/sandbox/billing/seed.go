package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// What the sandbox begins with.
const (
	SeedProduct      = "prod_456"
	SeedPrice        = "price_456"
	SeedSubscription = "sub_789"
)

// seed makes a monthly price, and the customer's subscription to it, whose first
// invoice is paid.
func seed(t *resource.Tx) {
	of := t.New(product)
	of["id"], of["name"], of["updated"] = SeedProduct, "Sandbox plan", of["created"]
	t.Put(of)
	customer, _ := t.Find(payment.Customer, payment.SeedCustomer)
	made, refusal := newPrice(t, resource.Object{
		"currency": "usd", "unit_amount": 2000, "recurring": resource.Object{"interval": "month"},
	}, SeedProduct, "")
	if refusal == nil {
		made["id"] = SeedPrice
		t.Put(made)
		refusal = seedSubscription(t, customer)
	}
	if refusal != nil {
		panic("sandbox: " + refusal.Message) // a mistake in the code: the seed has no input
	}
}

func seedSubscription(t *resource.Tx, customer resource.Object) *resource.Refusal {
	sub, refusal := newSubscription(t, customer, resource.Object{"items": []any{resource.Object{"price": SeedPrice}}})
	if refusal != nil {
		return refusal
	}
	all := items(sub)
	sub["id"] = SeedSubscription
	for _, item := range all {
		item["subscription"] = SeedSubscription
	}
	holdItems(sub, all)
	first, refusal := firstInvoice(t, customer, sub, nil)
	if refusal != nil {
		return refusal
	}
	sub["latest_invoice"] = first.ID()
	keepCurrency(t, customer, sub.Text("currency"))
	t.Put(sub)
	schedule(t, sub)
	return startInvoice(t, first, true, "error_if_incomplete", true)
}
