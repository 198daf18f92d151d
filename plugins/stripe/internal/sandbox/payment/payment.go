// Package payment is the part of the sandbox around payments: customers, payment
// methods, payment intents, setup intents, charges, refunds, and the balance.
//
// The package imports plugins/stripe/internal/sandbox/resource.
package payment

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// Module has the operations on payments.
func Module() resource.Module {
	return resource.Join(customers())
}
