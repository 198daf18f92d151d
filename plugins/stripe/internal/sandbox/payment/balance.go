package payment

import (
	"slices"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// availableAfter is how long money of payments is pending
// (https://docs.stripe.com/payouts#payout-schedule).
const availableAfter = 2 * 24 * time.Hour

// Entry is one movement of the balance.
type Entry struct {
	// Type is that of the balance transaction: "charge", "refund", "payout"…
	Type string
	// Category is its reporting category; empty means the same as Type.
	Category string
	Currency string
	// Amount is what moves, Fee what Stripe keeps of it, in the smallest unit.
	Amount, Fee int64
	// Source is the id of the object that it comes from.
	Source      string
	Description any
	// Available says that it counts at once; otherwise after two days.
	Available bool
}

// Post records a movement of the balance, and returns the balance transaction.
func Post(t *resource.Tx, e Entry) Object {
	o := t.New(BalanceTransaction)
	if e.Category == "" {
		e.Category = e.Type
	}
	o["type"], o["reporting_category"], o["currency"] = e.Type, e.Category, e.Currency
	o["amount"], o["fee"], o["net"] = e.Amount, e.Fee, e.Amount-e.Fee
	o["source"], o["description"] = e.Source, e.Description
	o["fee_details"] = []any{}
	if e.Fee != 0 {
		o["fee_details"] = []any{Object{"amount": e.Fee, "application": nil, "currency": e.Currency, "description": "Stripe processing fees", "type": "stripe_fee"}}
	}
	o["status"], o["available_on"] = "available", t.Now().Unix()
	if !e.Available {
		o["status"], o["available_on"] = "pending", t.Now().Add(availableAfter).Unix()
		t.After(availableAfter, timerAvailable, o.ID())
	}
	t.Put(o)
	return o
}

const timerAvailable = "balance.available"

func balances() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{BalanceTransaction: "txn"},
		Operations: map[string]resource.Operation{
			"GetBalance":               getBalance,
			"GetBalanceTransactions":   listTransactions,
			"GetBalanceTransactionsId": resource.Getter(BalanceTransaction),
			"GetBalanceHistory":        listTransactions,
			"GetBalanceHistoryId":      resource.Getter(BalanceTransaction),
		},
		Timers: map[string]resource.Timer{timerAvailable: becomeAvailable},
	}
}

func listTransactions(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	list, refusal := t.List(r, resource.ByParams(BalanceTransaction, r, "currency", "source", "type"))
	if refusal == nil {
		list["url"] = resource.URL("balance_transactions") // also where the older path was asked for
	}
	return list, refusal
}

func getBalance(t *resource.Tx, _ *resource.Request) (Object, *Refusal) { return Balance(t), nil }

// Balance sums up what there is, by currency.
func Balance(t *resource.Tx) Object {
	sums := map[string]map[string]int64{"available": {}, "pending": {}}
	var order []string
	for _, sum := range t.Sums(BalanceTransaction, "net", "currency", "status") {
		currency, status := sum.By[0], sum.By[1]
		if !slices.Contains(order, currency) {
			order = append(order, currency)
		}
		sums[status][currency] = sum.Sum
	}
	if order == nil {
		order = []string{"usd"}
	}
	balance := t.Blank("balance")
	for status, of := range sums {
		parts := []any{}
		for _, currency := range order {
			parts = append(parts, Object{"amount": of[currency], "currency": currency, "source_types": Object{"card": of[currency]}})
		}
		balance[status] = parts
	}
	return balance
}

// Available is what can be paid out of a currency.
func Available(t *resource.Tx, currency string) int64 {
	for _, part := range Balance(t).Objects("available") {
		if part.Text("currency") == currency {
			return part.Int("amount")
		}
	}
	return 0
}

func becomeAvailable(t *resource.Tx, id string) {
	o, ok := t.Find(BalanceTransaction, id)
	if !ok || o.Text("status") == "available" {
		return
	}
	o["status"] = "available"
	t.Put(o)
	t.Emit("balance.available", Balance(t))
}

// feeOf is what Stripe keeps of a payment: 2.9 % and 30
// (https://stripe.com/pricing), rounded to the nearest unit.
func feeOf(amount int64) int64 { return (amount*29+500)/1000 + 30 }
