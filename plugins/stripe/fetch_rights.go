package main

import (
	"net/http"

	"github.com/backflow/backflow/plugins/stripe/internal/permission"
	"github.com/backflow/backflow/sdk"
)

// fetchedAt are the paths below which the objects of events are read, by patterns of
// the types of events. The first that matches counts.
var fetchedAt = []struct{ types, path string }{
	{`charge\.dispute\..*`, "/v1/disputes"},
	{`(charge|refund)\..*`, "/v1/charges"},
	{`(customer\.subscription|subscription_schedule)\..*`, "/v1/subscriptions"},
	{`(customer\.)?source\..*`, "/v1/sources"},
	{`(customer|cash_balance|customer_cash_balance_transaction)\..*`, "/v1/customers"},
	{`(account\.external_account|capability|person)\..*|account\.updated`, "/v1/accounts"},
	{`(invoice|invoiceitem)\..*`, "/v1/invoices"},
	{`(plan|price)\..*`, "/v1/prices"},
	{`application_fee\..*`, "/v1/application_fees"},
	{`balance\..*`, "/v1/balance"},
	{`billing_portal\.configuration\..*`, "/v1/billing_portal/configurations"},
	{`checkout\.session\..*`, "/v1/checkout/sessions"},
	{`climate\..*`, "/v1/climate/orders"},
	{`coupon\..*`, "/v1/coupons"},
	{`credit_note\..*`, "/v1/credit_notes"},
	{`file\..*`, "/v1/files"},
	{`financial_connections\.account\..*`, "/v1/financial_connections/accounts"},
	{`identity\.verification_session\..*`, "/v1/identity/verification_sessions"},
	{`issuing_authorization\..*`, "/v1/issuing/authorizations"},
	{`issuing_cardholder\..*`, "/v1/issuing/cardholders"},
	{`issuing_card\..*`, "/v1/issuing/cards"},
	{`issuing_dispute\..*`, "/v1/issuing/disputes"},
	{`issuing_token\..*`, "/v1/issuing/tokens"},
	{`issuing_transaction\..*`, "/v1/issuing/transactions"},
	{`mandate\..*`, "/v1/mandates"},
	{`payment_intent\..*`, "/v1/payment_intents"},
	{`payment_link\..*`, "/v1/payment_links"},
	{`payment_method\..*`, "/v1/payment_methods"},
	{`payout\..*`, "/v1/payouts"},
	{`product\..*`, "/v1/products"},
	{`promotion_code\..*`, "/v1/promotion_codes"},
	{`quote\..*`, "/v1/quotes"},
	{`radar\..*`, "/v1/radar/early_fraud_warnings"},
	{`reporting\..*`, "/v1/reporting/report_runs"},
	{`review\..*`, "/v1/reviews"},
	{`setup_intent\..*`, "/v1/setup_intents"},
	{`sigma\..*`, "/v1/sigma/scheduled_query_runs"},
	{`tax\.settings\..*`, "/v1/tax/settings"},
	{`tax_rate\..*`, "/v1/tax_rates"},
	{`terminal\.reader\..*`, "/v1/terminal/readers"},
	{`test_helpers\.test_clock\..*`, "/v1/test_helpers/test_clocks"},
	{`topup\..*`, "/v1/topups"},
	{`transfer\..*`, "/v1/transfers"},
	{`treasury\.credit_reversal\..*|treasury\.received_credit\..*`, "/v1/treasury/received_credits"},
	{`treasury\.debit_reversal\..*|treasury\.received_debit\..*`, "/v1/treasury/received_debits"},
	{`treasury\.financial_account\..*`, "/v1/treasury/financial_accounts"},
	{`treasury\.inbound_transfer\..*`, "/v1/treasury/inbound_transfers"},
	{`treasury\.outbound_payment\..*`, "/v1/treasury/outbound_payments"},
	{`treasury\.outbound_transfer\..*`, "/v1/treasury/outbound_transfers"},
}

// fetchVariants say which right it needs to read the object of an event of a type.
func fetchVariants() (variants []sdk.Variant) {
	for _, row := range fetchedAt {
		right, _ := permission.For(http.MethodGet, row.path)
		variants = append(variants, sdk.Variant{Param: "type", Pattern: row.types, Permissions: []string{right}})
	}
	return variants
}
