// Command backflow-plugin-stripe is the Stripe integration: payment intents,
// customers, subscriptions, and Stripe's webhooks.
//
// It imports the sdk, Stripe's own library and Stripe's own mock, and nothing
// of the gateway. What it promises to users is in docs/stripe.md.
package main

import "github.com/backflow/backflow/sdk"

func main() { sdk.Serve(newPlugin()) }
