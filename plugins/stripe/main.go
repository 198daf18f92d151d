// Command backflow-plugin-stripe is the Stripe integration: named actions for payments,
// subscriptions and what belongs to them, any other operation of Stripe's API by its
// operationId, and Stripe's webhooks.
//
// It imports the sdk, Stripe's own library and Stripe's own mock, and nothing
// of the gateway. What it promises to users is in docs/stripe.md.
package main

import (
	"log/slog"
	"os"

	"github.com/backflow/backflow/sdk"
)

func main() {
	p := &plugin{muteSandbox: muteStdout}
	sdk.Serve(p.integration())
	if err := p.Close(); err != nil {
		slog.Error("stripe: close", "error", err)
	}
}

// muteStdout drops what is printed. stripe-mock prints the data of every
// request, customers' addresses included, and has no switch for it; printed
// lines of a plugin are log lines of the gateway. Logs do not pass here: they
// go to standard error.
func muteStdout() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	os.Stdout = null
	return nil
}
