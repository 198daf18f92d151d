package billing

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// balances are credits and debts of customers, which invoices use up
// (https://docs.stripe.com/billing/customer/balance).
func balances() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{balanceTransaction: "cbtxn"},
		Operations: map[string]resource.Operation{
			"PostCustomersCustomerBalanceTransactions":            createBalanceTransaction,
			"GetCustomersCustomerBalanceTransactions":             listBalanceTransactions,
			"GetCustomersCustomerBalanceTransactionsTransaction":  getBalanceTransaction,
			"PostCustomersCustomerBalanceTransactionsTransaction": updateBalanceTransaction,
		},
	}
}

// addToBalance changes the balance of a customer, and keeps why.
func addToBalance(t *resource.Tx, customer resource.Object, amount int64, currency, why, invoice string) resource.Object {
	before := customer.Clone()
	customer["balance"] = customer.Int("balance") + amount
	if !customer.Set("currency") {
		customer["currency"] = currency
	}
	t.Put(customer)
	o := t.New(balanceTransaction)
	o["amount"], o["currency"], o["customer"], o["type"] = amount, currency, customer.ID(), why
	o["ending_balance"], o["invoice"] = customer.Int("balance"), orNull(invoice)
	t.Put(o)
	t.EmitUpdate("customer.updated", before, customer)
	return o
}

func createBalanceTransaction(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	customer, refusal := t.Subject(r, payment.Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	currency := strings.ToLower(r.Params.Text("currency"))
	if customer.Set("currency") && customer.Text("currency") != currency {
		return nil, resource.Invalid("currency", "", "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice item with currency %s.", customer.Text("currency"))
	}
	o := addToBalance(t, customer, r.Params.Int("amount"), currency, "adjustment", "")
	if refusal := resource.Update(o, r.Params, "description"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}

func listBalanceTransactions(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	customer, refusal := t.Subject(r, payment.Customer)
	if refusal != nil {
		return nil, refusal
	}
	return t.List(r, resource.Filter{Kind: balanceTransaction, Equal: map[string]string{"customer": customer.ID()}})
}

func getBalanceTransaction(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, balanceTransaction)
	if refusal == nil && o.Text("customer") != r.PathParam("customer") {
		return nil, resource.Missing(balanceTransaction, r.Subject(), "transaction")
	}
	return o, refusal
}

func updateBalanceTransaction(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := getBalanceTransaction(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := resource.Update(o, r.Params, "description"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}
