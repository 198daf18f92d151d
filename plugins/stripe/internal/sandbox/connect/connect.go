// Package connect is the part of the sandbox around connected accounts: accounts with
// their capabilities, the links that a platform makes for them, and transfers.
//
// The package imports plugins/stripe/internal/random,
// plugins/stripe/internal/sandbox/payment and
// plugins/stripe/internal/sandbox/resource.
package connect

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// Module has the operations on connected accounts.
func Module() resource.Module {
	return resource.Join(accounts(), externalAccounts(), links(), transfers())
}
