package rating

// Totals are the sums of an invoice (https://docs.stripe.com/api/invoices/object).
type Totals struct {
	Subtotal        int64 // all lines
	Discount        int64 // what coupons take off
	Total           int64 // Subtotal less Discount; below 0 it is a credit to the customer
	StartingBalance int64 // of the customer: below 0 a credit, above 0 a debt
	EndingBalance   int64 // of the customer, when the invoice is final
	AmountDue       int64 // what is to be paid, at least 0
}

// Sum returns the totals of an invoice of lines, for a customer with balance.
// The balance is used up first. What is left and is below minimum, the least
// that Stripe charges in the currency, becomes a debt of the customer instead
// (https://docs.stripe.com/billing/customer/balance).
func Sum(lines, off []int64, balance, minimum int64) Totals {
	t := Totals{StartingBalance: balance}
	for _, amount := range lines {
		t.Subtotal += amount
	}
	for _, amount := range off {
		t.Discount += amount
	}
	t.Total = t.Subtotal - t.Discount
	left := t.Total + balance
	switch {
	case t.Total == 0:
		t.EndingBalance = balance
	case left < minimum:
		t.EndingBalance = left
	default:
		t.AmountDue = left
	}
	return t
}
