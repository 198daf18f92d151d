// Package payment is the part of the sandbox around payments: customers, payment
// methods, payment intents, setup intents, charges, refunds, and the balance.
//
// Other areas pay by Pay, look at charges by TestCard, move money by Post, and go by
// the test clock of a customer with OnClockOf.
//
// The package imports plugins/stripe/internal/random and
// plugins/stripe/internal/sandbox/resource.
package payment

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// Short names of what everything here is about.
type (
	// Object is an object of the API.
	Object = resource.Object
	// Refusal is an error of the API.
	Refusal = resource.Refusal
)

// Types of objects.
const (
	Customer           = "customer"
	PaymentMethod      = "payment_method"
	PaymentIntent      = "payment_intent"
	SetupIntent        = "setup_intent"
	SetupAttempt       = "setup_attempt"
	Charge             = "charge"
	Refund             = "refund"
	BalanceTransaction = "balance_transaction"
	Card               = "card"
	Token              = "token"
)

// Module has the operations on payments.
func Module() resource.Module {
	return resource.Join(customers(), methods(), intents(), setups(), charges(), refunds(), balances(), tokens())
}
