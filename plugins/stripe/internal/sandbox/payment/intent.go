package payment

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Statuses of payment and setup intents
// (https://docs.stripe.com/payments/paymentintents/lifecycle).
const (
	requiresMethod       = "requires_payment_method"
	requiresConfirmation = "requires_confirmation"
	requiresAction       = "requires_action"
	requiresCapture      = "requires_capture"
	processing           = "processing"
	succeeded            = "succeeded"
	canceled             = "canceled"
)

func intents() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{PaymentIntent: "pi"},
		Operations: map[string]resource.Operation{
			"PostPaymentIntents":              createIntent,
			"GetPaymentIntents":               resource.Lister(PaymentIntent, "customer"),
			"GetPaymentIntentsIntent":         getIntent,
			"PostPaymentIntentsIntent":        updateIntent,
			"PostPaymentIntentsIntentConfirm": confirmIntent,
			"PostPaymentIntentsIntentCapture": captureIntent,
			"PostPaymentIntentsIntentCancel":  cancelIntent,
			"GetPaymentIntentsSearch": resource.Searcher(PaymentIntent, resource.SearchFields{
				"amount": resource.NumericField, "created": resource.NumericField, "currency": resource.TokenField,
				"customer": resource.TokenField, "status": resource.TokenField,
			}),
		},
		Timers: map[string]resource.Timer{timerExpire: expireAuthorization, timerSettle: settleProcessing},
		Pages:  map[string]resource.Page{authenticationPath: authenticationPage},
	}
}

// intentFields are copied from the params as they are.
var intentFields = []string{
	"application_fee_amount", "capture_method", "confirmation_method", "description", "on_behalf_of", "receipt_email",
	"setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
}

// newIntent makes a payment intent without a payment method. It is not stored.
func newIntent(t *resource.Tx, amount int64, currency string) Object {
	o := t.New(PaymentIntent)
	o["amount"], o["currency"] = amount, currency
	o["client_secret"] = o.ID() + "_secret_" + random.Text(25)
	o["status"], o["capture_method"], o["confirmation_method"] = requiresMethod, "automatic", "automatic"
	o["payment_method_types"] = []any{Card}
	o["payment_method_options"] = Object{Card: Object{"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"}}
	o["amount_details"] = Object{"tip": Object{}}
	return o
}

func createIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	currency, refusal := Currency(r.Params)
	if refusal == nil {
		refusal = checkAmount(r.Params.Int("amount"), currency)
	}
	if refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("customer"); id != "" {
		customer, refusal := t.Get(Customer, id, "customer")
		if refusal != nil {
			return nil, refusal
		}
		t.On(customer.Text("test_clock"))
	}
	o := newIntent(t, r.Params.Int("amount"), currency)
	o["customer"] = r.Params["customer"]
	if refusal := setTypes(o, r.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := applyIntent(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	for _, name := range []string{"off_session", "return_url", "error_on_requires_action", "mandate", "mandate_data", "use_stripe_sdk"} {
		if r.Params.Has(name) && !r.Params.Bool("confirm") {
			return nil, resource.Invalid(name, "", "The parameter `%s` cannot be passed when creating a PaymentIntent unless `confirm` is set to true.", name)
		}
	}
	t.Put(o)
	t.Emit("payment_intent.created", o)
	if r.Params.Bool("confirm") {
		return confirm(t, o, r.Params)
	}
	return o, nil
}

// setTypes sets how payment methods are chosen: since 2023-08-16 by the settings of the
// account where nothing is said
// (https://docs.stripe.com/upgrades#2023-08-16).
func setTypes(o, params Object) *Refusal {
	types := params.List("payment_method_types")
	automatic := params.Object("automatic_payment_methods")
	switch {
	case types != nil && automatic.Bool("enabled"):
		return resource.Invalid("payment_method_types", "", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
	case types != nil:
		o["payment_method_types"] = types
	case automatic != nil && !automatic.Bool("enabled"):
	default:
		redirects := automatic.Text("allow_redirects")
		if redirects == "" {
			redirects = "always"
		}
		o["automatic_payment_methods"] = Object{"allow_redirects": redirects, "enabled": true}
	}
	return nil
}

// applyIntent copies params to a payment intent that is not confirmed yet.
func applyIntent(t *resource.Tx, o, params Object) *Refusal {
	if refusal := resource.Update(o, params, intentFields...); refusal != nil {
		return refusal
	}
	if options := params.Object("payment_method_options"); options != nil {
		mergeInto(o.Object("payment_method_options"), options)
	}
	if fee, amount := o.Int("application_fee_amount"), o.Int("amount"); fee > amount {
		return resource.Invalid("application_fee_amount", "", "The `application_fee_amount` must be at most the amount of the PaymentIntent.")
	}
	return setMethod(t, o, params)
}

// setMethod gives a payment intent or setup intent the payment method of the params, if
// they have one.
func setMethod(t *resource.Tx, o, params Object) *Refusal {
	var method Object
	var refusal *Refusal
	switch {
	case params.Object("payment_method_data") != nil:
		if params.Set("payment_method") {
			return resource.Invalid("payment_method", "", "You may only specify one of these parameters: payment_method, payment_method_data.")
		}
		method, refusal = methodFrom(t, params.Object("payment_method_data"), "payment_method_data")
	case params.Set("payment_method"):
		if method, refusal = methodOf(t, params.Text("payment_method"), "payment_method"); refusal == nil {
			refusal = usable(t, method, o.Text("customer"))
		}
	case params.Has("payment_method"):
		o["payment_method"], o["status"] = nil, requiresMethod
		return nil
	default:
		return nil
	}
	if refusal != nil {
		return refusal
	}
	if types := o.Texts("payment_method_types"); !slices.Contains(types, method.Text("type")) && o["automatic_payment_methods"] == nil {
		return resource.Invalid("payment_method", "", "The PaymentMethod provided (%s) is not allowed for this %s. Please attach a PaymentMethod of one of the following types: %s.", method.Text("type"), named(o), strings.Join(types, ", "))
	}
	o["payment_method"] = method.ID()
	if o.Text("status") == requiresMethod {
		o["status"] = requiresConfirmation
	}
	return nil
}

// named is what messages call an intent.
func named(o Object) string {
	if o.Kind() == SetupIntent {
		return "SetupIntent"
	}
	return "PaymentIntent"
}

// getIntent checks the client secret where one is given.
func getIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, PaymentIntent)
	if refusal == nil && r.Params.Has("client_secret") && r.Params.Text("client_secret") != o.Text("client_secret") {
		return nil, resource.Invalid("client_secret", "", "The client_secret provided does not match any associated PaymentIntent on this account. Ensure the publishable key used belongs to the same account that created the PaymentIntent.")
	}
	return o, refusal
}

// subjectIntent returns the payment intent of the path, with its customer's clock on.
func subjectIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, PaymentIntent)
	if refusal == nil {
		OnClockOf(t, o)
	}
	return o, refusal
}

// OnClockOf has time go by the test clock of the customer that an object belongs to.
func OnClockOf(t *resource.Tx, o Object) {
	if customer, ok := t.Find(Customer, o.Ref("customer")); ok {
		t.On(customer.Text("test_clock"))
	}
}

// open are the statuses in which a payment intent can still be changed.
var open = []string{requiresMethod, requiresConfirmation, requiresAction}

func updateIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectIntent(t, r)
	if refusal != nil {
		return nil, refusal
	}
	for name := range r.Params {
		if slices.Contains(open, o.Text("status")) || slices.Contains([]string{"metadata", "description", "expand", "receipt_email", "shipping", "transfer_group"}, name) {
			continue
		}
		return nil, unexpected(o, "This PaymentIntent's %s could not be updated because it has a status of %s. You may only update the %s of a PaymentIntent with one of the following statuses: %s.", name, o.Text("status"), name, strings.Join(open, ", "))
	}
	if r.Params.Has("currency") {
		currency, refusal := Currency(r.Params)
		if refusal != nil {
			return nil, refusal
		}
		o["currency"] = currency
	}
	if r.Params.Has("amount") {
		o["amount"] = r.Params.Int("amount")
	}
	if refusal := checkAmount(o.Int("amount"), o.Text("currency")); refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("customer"); id != "" {
		if _, refusal := t.Get(Customer, id, "customer"); refusal != nil {
			return nil, refusal
		}
		if o.Set("customer") && o.Text("customer") != id {
			return nil, resource.Invalid("customer", "", "You cannot modify `customer` on a PaymentIntent once it already has been set. To fulfill a payment with a different Customer, cancel this PaymentIntent and create a new one.")
		}
		o["customer"] = id
	}
	if types := r.Params.List("payment_method_types"); types != nil {
		o["payment_method_types"], o["automatic_payment_methods"] = types, nil
	}
	if refusal := applyIntent(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}

// unexpected refuses what the status of an intent forbids. The error shows the intent.
func unexpected(o Object, format string, args ...any) *Refusal {
	refusal := resource.Unexpected(o.Kind()+"_unexpected_state", format, args...)
	refusal.Fields = Object{o.Kind(): o}
	return refusal
}
