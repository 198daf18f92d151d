package checkout

import (
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Statuses of sessions (https://docs.stripe.com/api/checkout/sessions/object).
const (
	open     = "open"
	complete = "complete"
	expired  = "expired"

	unpaid        = "unpaid"
	paid          = "paid"
	nothingToPay  = "no_payment_required"
	timerExpire   = "checkout.session.expire"
	checkoutPath  = "checkout"
	longestOpen   = 24 * time.Hour
	shortestOpen  = 30 * time.Minute
	modePayment   = "payment"
	modeSetup     = "setup"
	modeRecurring = "subscription"
)

func sessions() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Session: "cs_test", item: "li"},
		Operations: map[string]resource.Operation{
			"PostCheckoutSessions":                createSession,
			"GetCheckoutSessions":                 listSessions,
			"GetCheckoutSessionsSession":          resource.Getter(Session),
			"PostCheckoutSessionsSessionExpire":   expireSession,
			"GetCheckoutSessionsSessionLineItems": items(Session),
		},
		Includes: map[string]resource.Include{Session + ".line_items": included("checkout", "sessions")},
		Timers:   map[string]resource.Timer{timerExpire: lapse},
		Listeners: map[string][]resource.Listener{
			"payment_intent.succeeded":                 {intentSucceeded},
			"payment_intent.amount_capturable_updated": {intentSucceeded},
			"payment_intent.processing":                {intentProcesses},
			"payment_intent.payment_failed":            {intentFailed},
			"setup_intent.succeeded":                   {setupSucceeded},
			"invoice.paid":                             {invoicePaid},
		},
		Pages: map[string]resource.Page{checkoutPath: sessionPage},
	}
}

// undone are params that change what a session does, and that the sandbox leaves
// undone.
var undone = map[string]string{
	"shipping_options": "ask for a way of shipping", "optional_items": "offer optional items",
	"invoice_creation": "make an invoice of a payment", "after_expiration": "recover sessions that expired",
	"currency": "convert currencies",
}

func createSession(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	return newSession(t, r.Params)
}

// newSession makes a session by its params.
func newSession(t *resource.Tx, params resource.Object) (resource.Object, *resource.Refusal) {
	mode := params.Text("mode")
	if mode == "" {
		return nil, resource.Invalid("mode", "parameter_missing", "Missing required param: mode.")
	}
	if refusal := checkParams(params, mode); refusal != nil {
		return nil, refusal
	}
	o := t.New(Session)
	if clock, refusal := customerOf(t, o, params); refusal != nil {
		return nil, refusal
	} else if clock != "" {
		t.On(clock)
		o["created"] = t.Now().Unix()
	}
	made, currency, refusal := readItems(t, params, mode)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkItems(made, mode); refusal != nil {
		return nil, refusal
	}
	o["mode"], o["status"], o["payment_status"], o["ui_mode"] = mode, open, unpaid, "hosted"
	o["payment_method_types"], o["custom_fields"], o["shipping_options"] = []any{"card"}, []any{}, []any{}
	o["payment_method_options"], o["automatic_tax"] = resource.Object{}, resource.Object{"enabled": false, "liability": nil, "status": nil}
	resource.Assign(o, params, "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "consent_collection",
		"customer_creation", "customer_email", "locale", "payment_link", "payment_method_collection", "payment_method_types", "success_url", "submit_type")
	if refusal := resource.Metadata(o, params); refusal != nil {
		return nil, refusal
	}
	if mode != modeSetup {
		if refusal := total(t, o, params, made, currency); refusal != nil {
			return nil, refusal
		}
	} else {
		o["payment_status"] = nothingToPay
		if params.Set("currency") {
			o["currency"] = params["currency"]
		}
	}
	if refusal := setExpiry(t, o, params); refusal != nil {
		return nil, refusal
	}
	o["url"] = page(t, checkoutPath, o.ID())
	t.Put(o)
	hide(t, o.ID(), made, params)
	t.At(time.Unix(o.Int("expires_at"), 0), timerExpire, o.ID())
	return o, nil
}

// checkParams refuses what cannot be, and what the sandbox does not do.
func checkParams(params resource.Object, mode string) *resource.Refusal {
	if ui := params.Text("ui_mode"); ui != "" && ui != "hosted" {
		return resource.NotDone("ui_mode", "embed Checkout in a page: ui_mode is hosted")
	}
	if !params.Set("success_url") && !params.Set("payment_link") {
		return resource.Invalid("success_url", "parameter_missing", "Missing required param: success_url.")
	}
	if params.Object("automatic_tax").Bool("enabled") {
		return resource.NotDone("automatic_tax[enabled]", "compute taxes in Checkout")
	}
	for name, what := range undone {
		if given := params.Object(name); given != nil && given.Text("enabled") != "false" && (!given.Has("enabled") || given.Bool("enabled")) ||
			len(params.List(name)) > 0 || name == "currency" && params.Set(name) && mode != modeSetup {
			return resource.NotDone(name, what)
		}
	}
	switch none := len(params.List("line_items")) == 0; {
	case mode == modeSetup && !none:
		return resource.Invalid("line_items", "", "You can not pass `line_items` in `setup` mode.")
	case mode != modeSetup && none:
		return resource.Invalid("line_items", "parameter_missing", "`line_items` is required in `%s` mode.", mode)
	case mode != modeRecurring && params.Object("subscription_data") != nil:
		return resource.Invalid("subscription_data", "", "You can not pass `subscription_data` in `%s` mode.", mode)
	case mode != modePayment && params.Object("payment_intent_data") != nil:
		return resource.Invalid("payment_intent_data", "", "You can not pass `payment_intent_data` in `%s` mode.", mode)
	case mode != modeSetup && params.Object("setup_intent_data") != nil:
		return resource.Invalid("setup_intent_data", "", "You can not pass `setup_intent_data` in `%s` mode.", mode)
	case params.Set("customer") && params.Set("customer_email"):
		return resource.Invalid("customer_email", "", "You may only specify one of these parameters: customer, customer_email.")
	}
	return nil
}

// checkItems refuses a subscription to nothing that recurs.
func checkItems(made []resource.Object, mode string) *resource.Refusal {
	if mode != modeRecurring {
		return nil
	}
	for _, one := range made {
		if one.Object("price").Object("recurring") != nil {
			return nil
		}
	}
	return resource.Invalid("line_items", "", "You must provide at least one recurring price in `subscription` mode when using prices.")
}

// customerOf puts the customer of the params into a session, and returns the test
// clock that it goes by.
func customerOf(t *resource.Tx, o, params resource.Object) (clock string, refusal *resource.Refusal) {
	id := params.Text("customer")
	if id == "" {
		return "", nil
	}
	customer, refusal := t.Get(payment.Customer, id, "customer")
	if refusal != nil {
		return "", refusal
	}
	o["customer"] = id
	return customer.Text("test_clock"), nil
}

// total adds the items up. What a trial comes before is not paid yet.
func total(t *resource.Tx, o, params resource.Object, made []resource.Object, currency string) *resource.Refusal {
	if trial := params.Object("subscription_data"); trial.Int("trial_period_days") > 0 || trial.Set("trial_end") {
		for _, one := range made {
			if one.Object("price").Object("recurring") != nil {
				one["amount_subtotal"], one["amount_total"] = 0, 0
			}
		}
	}
	off, refusal := discount(t, params, made)
	if refusal != nil {
		return refusal
	}
	subtotal := int64(0)
	for _, one := range made {
		subtotal += one.Int("amount_subtotal")
	}
	o["currency"], o["amount_subtotal"], o["amount_total"] = currency, subtotal, subtotal-off
	o["total_details"] = resource.Object{"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}
	return nil
}

// setExpiry says how long a session can be paid.
func setExpiry(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	o["expires_at"] = t.Now().Add(longestOpen).Unix()
	if !params.Has("expires_at") {
		return nil
	}
	if open := time.Unix(params.Int("expires_at"), 0).Sub(t.Now()); open < shortestOpen || open > longestOpen {
		return resource.Invalid("expires_at", "", "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.")
	}
	o["expires_at"] = params.Int("expires_at")
	return nil
}

func listSessions(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(Session, r, "customer", "payment_intent", "payment_link", "status", "subscription")
	if email := r.Params.Object("customer_details").Text("email"); email != "" {
		f.Equal["customer_details.email"] = email
	}
	return t.List(r, f)
}

func expireSession(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Session)
	if refusal != nil {
		return nil, refusal
	}
	if o.Text("status") != open {
		return nil, resource.Unexpected("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `%s`.", o.Text("status"))
	}
	payment.OnClockOf(t, o)
	expire(t, o)
	return o, nil
}

// lapse ends a session whose time is over.
func lapse(t *resource.Tx, id string) {
	if o, ok := t.Find(Session, id); ok && o.Text("status") == open {
		expire(t, o)
	}
}

func expire(t *resource.Tx, o resource.Object) {
	t.Stop(o.ID(), timerExpire)
	o["status"], o["url"] = expired, nil
	t.Put(o)
	if intent, ok := t.Find(payment.PaymentIntent, o.Text("payment_intent")); ok && intent.Text("status") != "succeeded" {
		payment.CancelIntent(t, intent, "abandoned")
	}
	t.Emit("checkout.session.expired", o)
}
