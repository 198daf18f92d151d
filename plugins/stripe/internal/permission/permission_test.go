package permission

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// operations returns method and path of every operation of the description.
func operations(t *testing.T) (all [][2]string) {
	t.Helper()
	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &description); err != nil {
		t.Fatal(err)
	}
	for path, methods := range description.Paths {
		for method := range methods {
			all = append(all, [2]string{strings.ToUpper(method), path})
		}
	}
	return all
}

// TestEveryOperationHasARightOrIsListedAsOneThatNeedsNone: none is forgotten.
func TestEveryOperationHasARightOrIsListedAsOneThatNeedsNone(t *testing.T) {
	none := []string{
		"GET /v1/account", "GET /v1/country_specs", "GET /v1/country_specs/{country}", "GET /v1/exchange_rates",
		"GET /v1/exchange_rates/{rate_id}", "GET /v1/tax_codes", "GET /v1/tax_codes/{id}",
	}
	all := operations(t)
	if len(all) != 507 {
		t.Errorf("there are %d operations", len(all))
	}
	for _, operation := range all {
		name := operation[0] + " " + operation[1]
		right, ok := For(operation[0], operation[1])
		if !ok || (right == "") != slices.Contains(none, name) {
			t.Errorf("%s: %q, %t", name, right, ok)
		}
	}
}

func TestOperationsNeedTheRightsOfStripesPage(t *testing.T) {
	for operation, want := range map[string]string{
		"POST /v1/payment_intents":                               "PaymentIntents: Write",
		"GET /v1/payment_intents/search":                         "PaymentIntents: Read",
		"POST /v1/payment_intents/{intent}/confirm":              "PaymentIntents: Write",
		"GET /v1/payment_intents/pi_123":                         "PaymentIntents: Read",
		"POST /v1/customers":                                     "Customers: Write",
		"DELETE /v1/customers/{customer}/tax_ids/{id}":           "Customers: Write",
		"GET /v1/customers/{customer}/subscriptions":             "Subscriptions: Read",
		"GET /v1/customers/{customer}/payment_methods":           "Payment Methods: Read",
		"POST /v1/charges/{charge}/refund":                       "Charges and Refunds: Write",
		"POST /v1/charges/{charge}/dispute/close":                "Disputes: Write",
		"POST /v1/refunds":                                       "Charges and Refunds: Write",
		"POST /v1/subscription_items":                            "Subscriptions: Write",
		"POST /v1/subscription_items/{item}/usage_records":       "Usage Records: Write",
		"POST /v1/invoiceitems":                                  "Invoices: Write",
		"GET /v1/prices/search":                                  "Prices: Read",
		"POST /v1/billing_portal/sessions":                       "Customer Portal: Write",
		"POST /v1/checkout/sessions":                             "Checkout Sessions: Write",
		"GET /v1/balance":                                        "Balance: Read",
		"POST /v1/accounts/{account}/login_links":                "Login Links: Write",
		"POST /v1/accounts/{account}/persons":                    "Connected Accounts: Write",
		"POST /v1/test_helpers/test_clocks/{test_clock}/advance": "Test Clocks: Write",
		"POST /v2/billing/meter_events":                          "Meter Events: Write",
		"GET /v1/account":                                        "",
	} {
		method, path, _ := strings.Cut(operation, " ")
		if right, ok := For(method, path); !ok || right != want {
			t.Errorf("%s: %q, %t, want %q", operation, right, ok, want)
		}
	}
	for _, path := range []string{"/v1/things", "/v2/core/things", "/", ""} {
		if right, ok := For("GET", path); ok {
			t.Errorf("%q: %q", path, right)
		}
	}
}

func TestRefusalsOfStripeNameWhatLacks(t *testing.T) {
	const before, account = "The provided key 'rk_test_*********************1234' does not have the required permissions for this endpoint", " on account 'acct_123'. "
	for message, want := range map[string][]string{
		before + account + "Having the 'rak_payment_intent_write' permission would allow this request to continue.":                              {"PaymentIntents: Write"},
		before + ". Having the 'rak_plan_read' permission would allow this request to continue.":                                                 {"Prices: Read"},
		before + account + "Having the 'rak_confirmation_token_client_read', 'rak_setup_intent_read' permissions would allow it.":                {"confirmation_token_client_read", "SetupIntents: Read"},
		before + account + `Enabling "Checkout Sessions Write" ('checkout_session_write') permissions on this key would allow this to continue.`: {"Checkout Sessions: Write"},
		before + account + "This is a restricted API key, but the required permissions are not available for use by restricted keys.":            nil,
		"": nil,
	} {
		if got := Lacking(message); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

func TestTheTableSaysEachThingOnce(t *testing.T) {
	seen := map[string]string{}
	for _, r := range resources {
		for _, what := range slices.Concat(r.keys, r.paths) {
			if other, twice := seen[what]; twice {
				t.Errorf("%s is of %q and of %q", what, other, r.name)
			}
			seen[what] = r.name
		}
	}
}
