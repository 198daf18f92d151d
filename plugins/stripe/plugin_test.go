package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/test/stripedouble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a plugin as the gateway meets it.
type served struct {
	sdk.Plugin
	*plugin
}

func newServed() served {
	p := &plugin{}
	return served{Plugin: p.integration(), plugin: p}
}

func (s served) VerifyWebhook(ctx context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return s.Plugin.(sdk.WebhookVerifier).VerifyWebhook(ctx, request)
}

func (s served) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	return s.Plugin.(sdk.WebhookSampler).SampleWebhook(ctx, request)
}

// onMock returns a plugin whose Stripe is stripe-mock, which checks names and types of
// all params, and knows every id.
func onMock(t *testing.T) served {
	t.Helper()
	handler, err := mock.Load()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
}

// onSandbox returns a plugin whose Stripe is its sandbox.
func onSandbox(t *testing.T) served {
	t.Helper()
	return configured(t, sdk.Config{Sandbox: true, Credentials: json.RawMessage(`{}`)})
}

// onDouble returns a plugin whose Stripe is the stateful double.
func onDouble(t *testing.T, customers ...string) (served, *stripedouble.Double) {
	t.Helper()
	double, err := stripedouble.New(stripedouble.Options{Customers: customers})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(double)
	t.Cleanup(server.Close)
	return configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)}), double
}

func configured(t *testing.T, config sdk.Config) served {
	t.Helper()
	p := newServed()
	if err := p.Configure(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// execute runs an action after checking the params, as the gateway does.
func execute(t *testing.T, p served, action, params, key string) (map[string]any, *sdk.Error) {
	t.Helper()
	if faults := check(t, action, params); len(faults) > 0 {
		t.Fatalf("%s %s: %v", action, params, faults)
	}
	result, err := p.Execute(t.Context(), sdk.Call{Action: action, Params: json.RawMessage(params), IdempotencyKey: key})
	if err != nil {
		var failure *sdk.Error
		if !errors.As(err, &failure) {
			t.Fatalf("%s: %v is no *sdk.Error", action, err)
		}
		return nil, failure
	}
	var body map[string]any
	if err := json.Unmarshal(result.Body, &body); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return body, nil
}

func must(t *testing.T, p served, action, params, key string) map[string]any {
	t.Helper()
	body, failure := execute(t, p, action, params, key)
	if failure != nil {
		t.Fatalf("%s %s: %+v", action, params, failure)
	}
	return body
}

// check returns the places at which params fail an action's schema.
// An amount in another unit is the commonest mistake with money.
func TestAnAmountWithAFractionIsExplained(t *testing.T) {
	t.Parallel()
	const unit = "must be an integer, not a number with a fraction: an amount is in the smallest unit of its currency: 19.99 USD is 1999, 500 JPY is 500, 5.120 KWD is 5120 (https://docs.stripe.com/currencies)"
	for _, test := range []struct{ action, params, pointer string }{
		{"createPaymentIntent", `{"amount":19.99,"currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"amount":1999,"currency":"usd","transfer_data":{"destination":"acct_1","amount":1.5}}`, "/transfer_data/amount"},
		{"createRefund", `{"payment_intent":"pi_1","amount":19.99}`, "/amount"},
		{"createInvoiceItem", `{"customer":"cus_1","unit_amount":19.99}`, "/unit_amount"},
	} {
		for _, spec := range newServed().Manifest().Actions {
			if spec.Name != test.action {
				continue
			}
			compiled, err := schema.Compile(spec.Params)
			if err != nil {
				t.Fatal(err)
			}
			faults, err := compiled.Check([]byte(test.params))
			if err != nil || len(faults) != 1 || faults[0].Pointer != test.pointer || faults[0].Message != unit {
				t.Errorf("%s: %+v, %v", test.params, faults, err)
			}
		}
	}
	p, asked := recorded(t)
	_, failed := execute(t, p, "call", `{"operationId":"PostPaymentIntents","params":{"amount":19.99,"currency":"usd"}}`, "k")
	if failed == nil || len(failed.Faults) != 1 || failed.Faults[0].Pointer != "/params/amount" || failed.Faults[0].Message != unit || len(asked()) > 0 {
		t.Errorf("call: %+v", failed)
	}
}

func check(t *testing.T, action, params string) []string {
	t.Helper()
	for _, a := range newServed().Manifest().Actions {
		if a.Name != action {
			continue
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(a.Params)))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("params.json", document); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile("params.json")
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(params))
		if err != nil {
			t.Fatal(err)
		}
		var invalid *jsonschema.ValidationError
		if errors.As(schema.Validate(value), &invalid) {
			return leaves(invalid)
		}
		return nil
	}
	t.Fatalf("no action %s", action)
	return nil
}

func leaves(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		return []string{"/" + strings.Join(e.InstanceLocation, "/") + ": " + e.Error()}
	}
	var all []string
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

func TestManifest(t *testing.T) {
	t.Parallel()
	manifest := newServed().Manifest()
	if manifest.Name != "stripe" || !manifest.Sandbox || manifest.Webhook.SecretField != "webhookSecret" || len(manifest.Webhook.EventTypes) < 10 {
		t.Errorf("%+v", manifest)
	}
	got := map[string]string{}
	for _, action := range manifest.Actions {
		got[action.Name] = strings.TrimSpace(action.HTTP.Method + " " + action.HTTP.Path + " " + string(action.Repeat))
		if len(action.Examples) == 0 {
			t.Errorf("%s has no example", action.Name)
		}
		for _, example := range action.Examples {
			if faults := check(t, action.Name, string(example.Params)); len(faults) > 0 {
				t.Errorf("the example of %s is invalid: %v", action.Name, faults)
			}
		}
		if action.Repeat == sdk.RepeatNative && action.KeyLifetime.Hours() != 24 {
			t.Errorf("%s: a key lives %s", action.Name, action.KeyLifetime)
		}
		if reads := regexp.MustCompile(`^(get|list|search|read|describe|fetch)`).MatchString(action.Name); action.Writes == reads || reads != (action.Repeat == "") {
			t.Errorf("%s: writes %v, %q", action.Name, action.Writes, action.Repeat)
		}
		if slices.Contains([]string{"call"}, action.Name) != action.ByName {
			t.Errorf("%s: by name %v", action.Name, action.ByName)
		}
	}
	for name, want := range map[string]string{
		"createPaymentIntent":          "POST /payment-intents native",
		"createCustomer":               "POST /customers native",
		"createSubscription":           "POST /subscriptions native",
		"getSubscription":              "GET /subscriptions/:subscriptionId",
		"cancelSubscription":           "DELETE /subscriptions/:subscriptionId idempotent",
		"confirmPaymentIntent":         "POST /payment-intents/:paymentIntentId/confirm native",
		"searchPaymentIntents":         "GET /payment-intents/search",
		"deleteCustomer":               "DELETE /customers/:customerId idempotent",
		"markInvoiceUncollectible":     "POST /invoices/:invoiceId/mark-uncollectible native",
		"createInvoiceItem":            "POST /invoice-items native",
		"listCheckoutSessionLineItems": "GET /checkout/sessions/:checkoutSessionId/line-items",
		"createPortalSession":          "POST /billing-portal/sessions native",
		"attachPaymentMethod":          "POST /payment-methods/:paymentMethodId/attach native",
		"getBalance":                   "GET /balance",
		"call":                         "POST /call native",
		"read":                         "POST /read",
	} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	raw, err := json.Marshal(manifest)
	if err != nil || len(raw) > 600<<10 {
		t.Errorf("the manifest is %d bytes, %v", len(raw), err)
	}
}

func TestParamsFailTheSchemaAtTheirPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ action, params, want string }{
		{"createPaymentIntent", `{"amount":-5,"currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"amount":0,"currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"amount":20.5,"currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"amount":"abc","currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"amount":null,"currency":"usd"}`, "/amount"},
		{"createPaymentIntent", `{"currency":"usd"}`, "amount"},
		{"createPaymentIntent", `{"amount":2000}`, "currency"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","amuont":1}`, "amuont"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","shipping":{"nmae":"x","name":"y","address":{}}}`, "nmae"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","timeout":"soon"}`, "/timeout"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","expand":"customer"}`, "/expand"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","metadata":{"a":{"b":"c"}}}`, "/metadata/a"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","metadata":{"a":["b"]}}`, "/metadata/a"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","metadata":{"a":null}}`, "/metadata/a"},
		{"createPaymentIntent", `{"amount":2000,"currency":"usd","stripeAccount":"a\r\nb"}`, "/stripeAccount"},
		{"createCustomer", `{"email":5}`, "/email"},
		{"createCustomer", `{"priceId":"p"}`, "priceId"},
		{"createSubscription", `{"customer":"cus_1"}`, "priceId"},
		{"createSubscription", `{"customer":"cus_1"}`, "items"},
		{"createSubscription", `{"customer":"cus_1","priceId":"p","items":[{"price":"q"}]}`, "/items"},
		{"createSubscription", `{"priceId":"p"}`, "customer"},
		{"getSubscription", `{}`, "subscriptionId"},
		{"getSubscription", `{"subscriptionId":".."}`, "/subscriptionId"},
		{"getSubscription", `{"subscriptionId":"a/b"}`, "/subscriptionId"},
		{"getSubscription", `{"subscriptionId":""}`, "/subscriptionId"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":"false"}`, "/immediately"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":null}`, "/immediately"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","prorate":true}`, "/prorate"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":false,"invoice_now":true}`, "/invoice_now"},
	} {
		if faults := strings.Join(check(t, test.action, test.params), "; "); !strings.Contains(faults, test.want) {
			t.Errorf("%s %s: %q does not name %s", test.action, test.params, faults, test.want)
		}
	}
}

func TestParamsOfStripesDescriptionAreTaken(t *testing.T) {
	t.Parallel()
	for action, list := range map[string][]string{
		"createPaymentIntent": {
			`{"amount":1,"currency":"eur"}`, `{"amount":20.0,"currency":"eur"}`,
			`{"amount":1,"currency":"eur","automatic_payment_methods":{"enabled":true},"metadata":{"a":"b"},"expand":["customer"],"timeout":"1m30s","stripeAccount":"acct_1"}`,
			`{"amount":1,"currency":"eur","setup_future_usage":"off_session","transfer_data":{"destination":"acct_2","amount":1}}`,
		},
		"createCustomer": {
			`{}`, `{"address":null,"email":"a@b.c","tax_id_data":[{"type":"eu_vat","value":"DE1"}]}`, `{"address":""}`, `{"tax_exempt":null}`, `{"metadata":{"a":1,"b":-1.50e3,"c":true,"d":"e"}}`,
		},
		"createSubscription": {
			`{"customer":"c","items":[{"price":"p","quantity":3}],"trial_period_days":7}`, `{"customer":"c","priceId":"p","metadata":null}`,
		},
		"getSubscription":    {`{"subscriptionId":"sub_1","expand":["customer"],"metadata":{},"stripeAccount":"acct_1","timeout":"5s"}`},
		"cancelSubscription": {`{"subscriptionId":"sub_1"}`, `{"subscriptionId":"sub_1","immediately":true,"prorate":true,"invoice_now":false,"metadata":{"why":"x"}}`},
	} {
		for _, params := range list {
			if faults := check(t, action, params); len(faults) > 0 {
				t.Errorf("%s %s: %v", action, params, faults)
			}
		}
	}
}

func TestWhatTheSchemaCannotSayIsInvalidParams(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	for _, test := range []struct{ action, params, pointer string }{
		{"createCustomer", `{"timeout":"0s"}`, "/timeout"},
		{"createCustomer", `{"timeout":"99999999999999999999h"}`, "/timeout"},
		{"createCustomer", `{"metadata":{"a][b":"c"}}`, "/metadata/a][b"},
		{"createCustomer", `{"metadata":{"a":{"b":"c"}}}`, "/metadata/a"},
		{"createCustomer", `{"name":"a","name":"b"}`, "/name"},
		{"getSubscription", `{"subscriptionId":".."}`, "/subscriptionId"},
		{"getSubscription", `{"subscriptionId":"a/../../customers"}`, "/subscriptionId"},
		{"getSubscription", `{}`, "/subscriptionId"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":"false"}`, "/immediately"},
		{"createCustomer", `[]`, ""},
	} {
		_, err := p.Execute(t.Context(), sdk.Call{Action: test.action, Params: json.RawMessage(test.params)})
		var failure *sdk.Error
		if !errors.As(err, &failure) || failure.Code != sdk.CodeInvalidParams || failure.Outcome != sdk.OutcomeNotExecuted ||
			len(failure.Faults) != 1 || failure.Faults[0].Pointer != test.pointer {
			t.Errorf("%s %s: %+v", test.action, test.params, failure)
		}
	}
	if double.Requests() != 0 {
		t.Errorf("%d requests went upstream", double.Requests())
	}
	if _, err := p.Execute(t.Context(), sdk.Call{Action: "sneeze", Params: json.RawMessage(`{}`)}); !errors.Is(err, &sdk.Error{Code: sdk.CodeUnknownAction}) {
		t.Error(err)
	}
	if _, err := newServed().Execute(t.Context(), sdk.Call{Action: "createCustomer", Params: json.RawMessage(`{}`)}); !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable}) {
		t.Error(err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ credentials, want string }{
		"a secret key":                 {`{"secretKey":"sk_test_1"}`, ""},
		"a restricted key":             {`{"secretKey":"rk_live_1","webhookSecret":"whsec_1"}`, ""},
		"the default base":             {`{"secretKey":"sk_live_1","apiBase":""}`, ""},
		"another base, any key":        {`{"secretKey":"anything","apiBase":"http://stripe-mock:12111/"}`, ""},
		"a live key on loopback":       {`{"secretKey":"sk_live_1","apiBase":"http://127.0.0.1:1"}`, ""},
		"empty":                        {`{"secretKey":""}`, "secretKey is empty"},
		"none":                         {`{}`, "secretKey is empty"},
		"white space":                  {`{"secretKey":" \n"}`, "secretKey is empty"},
		"surrounded by white space":    {`{"secretKey":"sk_test_hidden\n"}`, "surrounded by white space"},
		"white space inside":           {`{"secretKey":"sk_test hidden"}`, "holds white space"},
		"a publishable key":            {`{"secretKey":"pk_test_hidden"}`, "publishable key"},
		"a webhook secret":             {`{"secretKey":"whsec_hidden"}`, "webhook secret"},
		"no key at all":                {`{"secretKey":"hidden"}`, "starts with sk_ or rk_"},
		"a webhook secret with spaces": {`{"secretKey":"sk_test_1","webhookSecret":" whsec_hidden"}`, "webhookSecret is surrounded"},
		"a base that is no address":    {`{"secretKey":"sk_test_1","apiBase":"api.stripe.com"}`, "apiBase is not an address"},
		"a base with a path":           {`{"secretKey":"sk_test_1","apiBase":"https://x.y/v1"}`, "apiBase is not an address"},
		"a base with a password":       {`{"secretKey":"sk_test_1","apiBase":"https://u:hidden@x.y"}`, "apiBase is not an address"},
		"a live key of an organization in the clear": {`{"secretKey":"sk_org_live_hidden","apiBase":"http://stripe-mock:12111"}`, "over https only"},
		"an organization's key in the clear":         {`{"secretKey":"sk_org_hidden","apiBase":"http://stripe-mock:12111"}`, "over https only"},
		"a test key of an organization in the clear": {`{"secretKey":"sk_org_test_1","apiBase":"http://stripe-mock:12111"}`, ""},
		"a live key in the clear":                    {`{"secretKey":"sk_live_hidden","apiBase":"http://stripe-mock:12111"}`, "over https only"},
		"another type":                               {`{"secretKey":1}`, "not an object of strings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newServed()
			err := p.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(test.credentials)})
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want …%s…", err, test.want)
			case err != nil && strings.Contains(err.Error(), "hidden"):
				t.Errorf("the secret is in the error: %v", err)
			}
			if err == nil {
				if err := p.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(test.credentials)}); err == nil {
					t.Error("configured twice")
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCredentialsSchemaMarksTheSecrets(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]struct{ WriteOnly bool }
	}
	if err := json.Unmarshal(newServed().Manifest().Credentials, &schema); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for name, property := range schema.Properties {
		got[name] = property.WriteOnly
	}
	if diff := cmp.Diff(map[string]bool{"secretKey": true, "webhookSecret": true, "apiBase": false, "apiDescription": false, "apiVersion": false}, got); diff != "" {
		t.Error(diff)
	}
}
