package sandbox

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
)

// Stripe's own client reads what the sandbox responds, and pages through its lists.
func TestStripesClientManagesASubscription(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{URL: stripe.String(b.URL()), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{}, EnableTelemetry: stripe.Bool(false)})
	api := client.New(Key, &stripe.Backends{API: backend})

	product, err := api.Products.New(&stripe.ProductParams{Name: stripe.String("Gold")})
	if err != nil {
		t.Fatal(err)
	}
	price, err := api.Prices.New(&stripe.PriceParams{
		Product: stripe.String(product.ID), Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1500),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("week")},
	})
	if err != nil {
		t.Fatal(err)
	}
	customer, err := api.Customers.New(&stripe.CustomerParams{
		PaymentMethod:   stripe.String("pm_card_visa"),
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
	})
	if err != nil {
		t.Fatal(err)
	}
	params := &stripe.SubscriptionParams{
		Customer: stripe.String(customer.ID),
		Items:    []*stripe.SubscriptionItemsParams{{Price: stripe.String(price.ID), Quantity: stripe.Int64(2)}},
	}
	params.AddExpand("latest_invoice.payment_intent")
	subscription, err := api.Subscriptions.New(params)
	if err != nil {
		t.Fatal(err)
	}
	if got := subscription.LatestInvoice; subscription.Status != stripe.SubscriptionStatusActive || got.Total != 3000 || got.PaymentIntent.Status != stripe.PaymentIntentStatusSucceeded {
		t.Errorf("%s, %d, %s", subscription.Status, got.Total, got.PaymentIntent.Status)
	}
	b.do("advance", `{"by":"84d"}`)
	list := &stripe.InvoiceListParams{Subscription: stripe.String(subscription.ID)}
	list.Limit = stripe.Int64(5)
	paid := 0
	for invoices := api.Invoices.List(list); invoices.Next(); {
		if one := invoices.Invoice(); one.Paid && one.Total == 3000 && len(one.Lines.Data) == 1 {
			paid++
		}
	}
	if paid != 13 {
		t.Errorf("%d invoices are paid, want 13", paid)
	}
	if _, err := api.Subscriptions.Cancel(subscription.ID, nil); err != nil {
		t.Fatal(err)
	}
	_, err = api.Subscriptions.Cancel(subscription.ID, nil)
	if failure, ok := err.(*stripe.Error); !ok || failure.Code != stripe.ErrorCodeResourceMissing || failure.HTTPStatusCode != 404 { //nolint:errorlint // the client returns it bare
		t.Errorf("canceling again: %v", err)
	}
}
