package payment

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func setups() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{SetupIntent: "seti", SetupAttempt: "setatt"},
		Operations: map[string]resource.Operation{
			"PostSetupIntents":              createSetup,
			"GetSetupIntents":               resource.Lister(SetupIntent, "customer", "payment_method"),
			"GetSetupIntentsIntent":         getSetup,
			"PostSetupIntentsIntent":        updateSetup,
			"PostSetupIntentsIntentConfirm": confirmSetupIntent,
			"PostSetupIntentsIntentCancel":  cancelSetup,
			"GetSetupAttempts":              resource.Lister(SetupAttempt, "setup_intent"),
		},
	}
}

func createSetup(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if id := r.Params.Text("customer"); id != "" {
		customer, refusal := t.Get(Customer, id, "customer")
		if refusal != nil {
			return nil, refusal
		}
		t.On(customer.Text("test_clock"))
	}
	o := newSetup(t)
	resource.Assign(o, r.Params, "usage", "customer")
	if refusal := setTypes(o, r.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := applySetup(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("setup_intent.created", o)
	if r.Params.Bool("confirm") {
		return confirmSetup(t, o, r.Params)
	}
	return o, nil
}

// newSetup makes a setup intent without a payment method. It is not stored.
func newSetup(t *resource.Tx) Object {
	o := t.New(SetupIntent)
	o["client_secret"] = o.ID() + "_secret_" + random.Text(25)
	o["status"], o["usage"], o["payment_method_types"] = requiresMethod, "off_session", []any{Card}
	o["payment_method_options"] = Object{Card: Object{"mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"}}
	return o
}

// NewSetupIntent makes a setup intent of a customer, by which another area asks for a
// payment method. It is stored, and its event made.
func NewSetupIntent(t *resource.Tx, customer string) Object {
	o := newSetup(t)
	o["customer"] = customer
	t.Put(o)
	t.Emit("setup_intent.created", o)
	return o
}

// applySetup copies params to a setup intent.
func applySetup(t *resource.Tx, o, params Object) *Refusal {
	if refusal := resource.Update(o, params, "description", "on_behalf_of", "flow_directions"); refusal != nil {
		return refusal
	}
	if options := params.Object("payment_method_options"); options != nil {
		mergeInto(o.Object("payment_method_options"), options)
	}
	return setMethod(t, o, params)
}

func getSetup(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, SetupIntent)
	if refusal == nil && r.Params.Has("client_secret") && r.Params.Text("client_secret") != o.Text("client_secret") {
		return nil, resource.Invalid("client_secret", "", "The client_secret provided does not match the client_secret associated with the SetupIntent.")
	}
	return o, refusal
}

func subjectSetup(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, SetupIntent)
	if refusal == nil {
		OnClockOf(t, o)
	}
	return o, refusal
}

func updateSetup(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectSetup(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(open, o.Text("status")) {
		for name := range r.Params {
			if name != "metadata" && name != "description" && name != "expand" {
				return nil, unexpected(o, "You cannot update this SetupIntent because it has a status of %s. Only metadata and description can be updated then.", o.Text("status"))
			}
		}
	}
	if id := r.Params.Text("customer"); id != "" {
		if _, refusal := t.Get(Customer, id, "customer"); refusal != nil {
			return nil, refusal
		}
		o["customer"] = id
	}
	if types := r.Params.List("payment_method_types"); types != nil {
		o["payment_method_types"], o["automatic_payment_methods"] = types, nil
	}
	if refusal := applySetup(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}

func confirmSetupIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectSetup(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(open, o.Text("status")) {
		return nil, unexpected(o, "You cannot confirm this SetupIntent because it has a status of %s.", o.Text("status"))
	}
	if refusal := applySetup(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	return confirmSetup(t, o, r.Params)
}

// confirmSetup tries to set a payment method up. What comes of it is stored, also where
// it is declined.
func confirmSetup(t *resource.Tx, o, params Object) (Object, *Refusal) {
	if !o.Set("payment_method") {
		return nil, unexpected(o, "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.")
	}
	method, refusal := methodOf(t, o.Text("payment_method"), "payment_method")
	if refusal != nil {
		return nil, refusal
	}
	o["last_setup_error"], o["next_action"] = nil, nil
	c, isCard := cardOf(method)
	if isCard && (c.asks == always || c.asks == unlessSetUp && !isSetUp(t, method.ID())) {
		o["status"] = requiresAction
		o["next_action"] = nextAction(t, o, params.Text("return_url"))
		t.Put(o)
		t.Emit("setup_intent.requires_action", o)
		return o, nil
	}
	return finishSetup(t, o, method, c)
}

// finishSetup sets up a payment method that needs no authentication, or had it.
func finishSetup(t *resource.Tx, o, method Object, c card) (Object, *Refusal) {
	if c.decline != "" && !c.attaches {
		failure := declineError(c.decline)
		failure["payment_method"] = method
		recordAttempt(t, o, "failed", failure)
		o["status"], o["last_setup_error"], o["payment_method"], o["next_action"] = requiresMethod, failure, nil, nil
		t.Put(o)
		t.Emit("setup_intent.setup_failed", o)
		return nil, declined(c.decline, Object{"setup_intent": o, "payment_method": method})
	}
	o["status"], o["next_action"] = succeeded, nil
	recordAttempt(t, o, succeeded, nil)
	markSetUp(t, method.ID())
	if o.Set("customer") && !method.Set("customer") && method.Kind() == PaymentMethod {
		attach(t, method, o.Text("customer"))
	}
	t.Put(o)
	t.Emit("setup_intent.succeeded", o)
	return o, nil
}

// recordAttempt stores a try to set up an intent's payment method.
func recordAttempt(t *resource.Tx, o Object, status string, failure Object) {
	attempt := t.New(SetupAttempt)
	for _, name := range []string{"customer", "payment_method", "usage", "on_behalf_of"} {
		attempt[name] = o[name]
	}
	attempt["setup_intent"], attempt["status"] = o.ID(), status
	if failure != nil {
		attempt["setup_error"] = failure
	}
	t.Put(attempt)
	o["latest_attempt"] = attempt.ID()
}

func cancelSetup(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectSetup(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(open, o.Text("status")) {
		return nil, unexpected(o, "You cannot cancel this SetupIntent because it has a status of %s. Only a SetupIntent with one of the following statuses may be canceled: %s.", o.Text("status"), strings.Join(open, ", "))
	}
	o["status"], o["next_action"] = canceled, nil
	resource.Assign(o, r.Params, "cancellation_reason")
	t.Put(o)
	t.Emit("setup_intent.canceled", o)
	return o, nil
}
