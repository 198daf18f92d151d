package permission

import "strings"

// resource is a row of the page on which restricted keys are made.
type resource struct {
	// name is "" for what any key may ask for.
	name string
	// keys are what Stripe calls its rights, less the level: payment_intent for
	// payment_intent_read (https://docs.stripe.com/stripe-apps/reference/permissions).
	keys []string
	// paths are the beginnings of the paths that belong to it, with {} for what
	// differs; the longest that fits decides.
	paths []string
}

// resources has the names of the Dashboard, and the rights of Stripe's reference. Of
// what belongs to another object it says what the reference says of that object's
// events: a customer's tax ids are the customer's.
var resources = []resource{
	{"", nil, []string{"/v1/country_specs", "/v1/exchange_rates", "/v1/tax_codes", "/v1/account"}},

	// Core resources.
	{"Apple Pay Domains", []string{"apple_pay_domain"}, []string{"/v1/apple_pay/domains"}},
	{"Balance", []string{"balance"}, []string{"/v1/balance", "/v1/balance_settings", "/v1/balance_transactions"}},
	{"Charges and Refunds", []string{"charge", "refund"}, []string{"/v1/charges", "/v1/refunds", "/v1/test_helpers/refunds"}},
	{"Confirmation Tokens", []string{"confirmation_token"}, []string{"/v1/confirmation_tokens", "/v1/test_helpers/confirmation_tokens"}},
	{"Customers", []string{"customer"}, []string{"/v1/customers", "/v1/test_helpers/customers", "/v1/tax_ids"}},
	{"Customer Sessions", []string{"customer_session"}, []string{"/v1/customer_sessions"}},
	{"Disputes", []string{"dispute"}, []string{"/v1/disputes", "/v1/charges/{}/dispute"}},
	{"Ephemeral Keys", []string{"ephemeral_key"}, []string{"/v1/ephemeral_keys"}},
	{"Events", []string{"event"}, []string{"/v1/events", "/v2/core/events"}},
	{"Files", []string{"file"}, []string{"/v1/files", "/v1/file_links"}},
	{"Mandates", []string{"mandate"}, []string{"/v1/mandates"}},
	{"PaymentIntents", []string{"payment_intent"}, []string{"/v1/payment_intents"}},
	{"Payment Methods", []string{"payment_method"}, []string{"/v1/payment_methods", "/v1/customers/{}/payment_methods"}},
	{"Payment Method Configurations", []string{"payment_method_configurations"}, []string{"/v1/payment_method_configurations"}},
	{"Payment Method Domains", []string{"payment_method_domain"}, []string{"/v1/payment_method_domains"}},
	{"Payment Records", []string{"payment_records"}, []string{"/v1/payment_records", "/v1/payment_attempt_records"}},
	{"Payouts", []string{"payout"}, []string{"/v1/payouts"}},
	{"Products", []string{"product"}, []string{"/v1/products"}},
	{"Reviews", []string{"review"}, []string{"/v1/reviews"}},
	{"SetupIntents", []string{"setup_intent"}, []string{"/v1/setup_intents", "/v1/setup_attempts"}},
	{"Sources", []string{"source"}, []string{"/v1/sources"}},
	{"Tokens", []string{"token"}, []string{"/v1/tokens"}},

	// Checkout.
	{"Checkout Sessions", []string{"checkout_session"}, []string{"/v1/checkout/sessions"}},
	{"Payment Links", []string{"payment_links"}, []string{"/v1/payment_links"}},
	{"Shipping Rates", []string{"shipping_rate"}, []string{"/v1/shipping_rates"}},

	// Billing.
	{"Billing Alerts", []string{"billing_alert"}, []string{"/v1/billing/alerts"}},
	{"Coupons", []string{"coupon"}, []string{"/v1/coupons"}},
	{"Credit Grants", []string{"billing_credit_grant"}, []string{
		"/v1/billing/credit_grants", "/v1/billing/credit_balance_summary", "/v1/billing/credit_balance_transactions",
	}},
	{"Credit Notes", []string{"credit_note"}, []string{"/v1/credit_notes"}},
	{"Customer Portal", []string{"customer_portal"}, []string{"/v1/billing_portal", "/v1/billing/feedback_options"}},
	{"Entitlements", []string{"entitlement"}, []string{"/v1/entitlements", "/v1/products/{}/features"}},
	{"Invoices", []string{"invoice", "invoice_item"}, []string{
		"/v1/invoices", "/v1/invoiceitems", "/v1/invoice_payments", "/v1/invoice_rendering_templates",
	}},
	{"Meters", []string{"billing_meter"}, []string{"/v1/billing/meters"}},
	{"Meter Events", []string{"billing_meter_event"}, []string{
		"/v1/billing/meter_events", "/v1/billing/meter_event_adjustments",
		"/v2/billing/meter_events", "/v2/billing/meter_event_adjustments", "/v2/billing/meter_event_session", "/v2/billing/meter_event_stream",
	}},
	{"Prices", []string{"plan", "price"}, []string{"/v1/prices", "/v1/plans"}},
	{"Promotion Codes", []string{"promotion_code"}, []string{"/v1/promotion_codes"}},
	{"Quotes", []string{"quote"}, []string{"/v1/quotes"}},
	{"Subscriptions", []string{"subscription"}, []string{
		"/v1/subscriptions", "/v1/subscription_items", "/v1/subscription_schedules", "/v1/customers/{}/subscriptions",
	}},
	{"Test Clocks", []string{"billing_clock"}, []string{"/v1/test_helpers/test_clocks"}},
	{"Usage Records", []string{"usage_record"}, []string{
		"/v1/subscription_items/{}/usage_records", "/v1/subscription_items/{}/usage_record_summaries",
	}},

	// Tax.
	{"Tax Calculations and Transactions", []string{"tax_calculations_and_transactions"}, []string{
		"/v1/tax/calculations", "/v1/tax/transactions", "/v1/tax/associations",
	}},
	{"Tax Rates", []string{"tax_rate"}, []string{"/v1/tax_rates"}},
	{"Tax Settings", []string{"tax_settings"}, []string{"/v1/tax/settings", "/v1/tax/registrations"}},

	// Connect.
	{"Account Links", []string{"account_link"}, []string{"/v1/account_links"}},
	{"Account Sessions", []string{"account_session"}, []string{"/v1/account_sessions"}},
	{"Application Fees", []string{"application_fee"}, []string{"/v1/application_fees"}},
	{"Connected Accounts", []string{"connected_account", "account", "accounts_kyc_basic"}, []string{"/v1/accounts", "/v1/external_accounts", "/v2/core/accounts"}},
	{"Login Links", []string{"edit_link"}, []string{"/v1/accounts/{}/login_links"}},
	{"Top-ups", []string{"top_up"}, []string{"/v1/topups"}},
	{"Transfers", []string{"transfer"}, []string{"/v1/transfers"}},

	// Issuing.
	{"Issuing Authorizations", []string{"issuing_authorization"}, []string{"/v1/issuing/authorizations", "/v1/test_helpers/issuing/authorizations"}},
	{"Issuing Cardholders", []string{"issuing_cardholder"}, []string{"/v1/issuing/cardholders"}},
	{"Issuing Cards", []string{"issuing_card"}, []string{
		"/v1/issuing/cards", "/v1/issuing/personalization_designs", "/v1/issuing/physical_bundles",
		"/v1/test_helpers/issuing/cards", "/v1/test_helpers/issuing/personalization_designs",
	}},
	{"Issuing Disputes", []string{"issuing_dispute"}, []string{"/v1/issuing/disputes"}},
	{"Issuing Tokens", []string{"issuing_token"}, []string{"/v1/issuing/tokens"}},
	{"Issuing Transactions", []string{"issuing_transaction"}, []string{
		"/v1/issuing/transactions", "/v1/issuing/settlements", "/v1/test_helpers/issuing/transactions", "/v1/test_helpers/issuing/settlements",
	}},

	// Treasury.
	{"Treasury Financial Accounts", []string{"financial_account"}, []string{"/v1/treasury/financial_accounts"}},
	{"Treasury Inbound Transfers", []string{"inbound_transfer"}, []string{"/v1/treasury/inbound_transfers", "/v1/test_helpers/treasury/inbound_transfers"}},
	{"Treasury Outbound Payments", []string{"outbound_payment"}, []string{"/v1/treasury/outbound_payments", "/v1/test_helpers/treasury/outbound_payments"}},
	{"Treasury Outbound Transfers", []string{"outbound_transfer"}, []string{"/v1/treasury/outbound_transfers", "/v1/test_helpers/treasury/outbound_transfers"}},
	{"Treasury Received Credits", []string{"received_credit"}, []string{
		"/v1/treasury/received_credits", "/v1/treasury/credit_reversals", "/v1/test_helpers/treasury/received_credits",
	}},
	{"Treasury Received Debits", []string{"received_debit"}, []string{
		"/v1/treasury/received_debits", "/v1/treasury/debit_reversals", "/v1/test_helpers/treasury/received_debits",
	}},
	{"Treasury Transactions", []string{"treasury_transaction"}, []string{"/v1/treasury/transactions", "/v1/treasury/transaction_entries"}},

	// Terminal.
	{"Terminal Configurations", []string{"terminal_configuration"}, []string{"/v1/terminal/configurations"}},
	{"Terminal Connection Tokens", []string{"terminal_connection_token"}, []string{"/v1/terminal/connection_tokens"}},
	{"Terminal Locations", []string{"terminal_location"}, []string{"/v1/terminal/locations", "/v1/terminal/onboarding_links"}},
	{"Terminal Readers", []string{"terminal_reader"}, []string{"/v1/terminal/readers", "/v1/terminal/refunds", "/v1/test_helpers/terminal/readers"}},

	// Others.
	{"Climate Orders", []string{"climate_order"}, []string{"/v1/climate"}},
	{"Event Destinations", []string{"event_destination"}, []string{"/v2/core/event_destinations"}},
	{"Financial Connections", []string{"financial_connections"}, []string{"/v1/financial_connections", "/v1/linked_accounts", "/v1/link_account_sessions"}},
	{"Forwarding Requests", []string{"forwarding_request"}, []string{"/v1/forwarding/requests"}},
	{"Identity Verification Sessions and Reports", []string{"identity_product"}, []string{"/v1/identity"}},
	{"Radar", []string{"radar"}, []string{"/v1/radar"}},
	{"Report Runs and Report Types", []string{"report_runs_and_report_types"}, []string{"/v1/reporting"}},
	{"Secrets", []string{"secret"}, []string{"/v1/apps/secrets"}},
	{"Sigma", []string{"sigma"}, []string{"/v1/sigma"}},
	{"Webhook Endpoints", []string{"webhook"}, []string{"/v1/webhook_endpoints"}},
}

// knownPath is a path of the table with its resource.
type knownPath struct {
	segments []string
	resource resource
}

// paths are the paths of the table, by their number of segments.
var paths = byLength()

func byLength() map[int][]knownPath {
	all := make(map[int][]knownPath)
	for _, r := range resources {
		for _, path := range r.paths {
			segments := strings.Split(strings.Trim(path, "/"), "/")
			all[len(segments)] = append(all[len(segments)], knownPath{segments, r})
		}
	}
	return all
}
