package payment

import (
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func confirmIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectIntent(t, r)
	if refusal != nil {
		return nil, refusal
	}
	switch status := o.Text("status"); {
	case status == succeeded:
		return nil, unexpected(o, "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case !slices.Contains(open, status):
		return nil, unexpected(o, "You cannot confirm this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.", status)
	}
	if refusal := applyIntent(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	return confirm(t, o, r.Params)
}

// confirm tries to pay. The intent is stored, and so is what comes of it, also where
// the payment is declined.
func confirm(t *resource.Tx, o, params Object) (Object, *Refusal) {
	if !o.Set("payment_method") {
		return nil, unexpected(o, "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.")
	}
	method, refusal := methodOf(t, o.Text("payment_method"), "payment_method")
	if refusal != nil {
		return nil, refusal
	}
	o["last_payment_error"], o["next_action"] = nil, nil
	offSession := params.Bool("off_session") || params.Text("off_session") == "one_off" || params.Text("off_session") == "recurring"
	c, isCard := cardOf(method)
	switch {
	case !isCard:
		return process(t, o)
	case !asks(t, c, method, offSession):
		return attempt(t, o, method, c)
	case offSession:
		return nil, fail(t, o, method, "authentication_required")
	case params.Bool("error_on_requires_action"):
		refusal := fail(t, o, nil, "authentication_required")
		return nil, refusal
	}
	o["status"] = requiresAction
	o["next_action"] = nextAction(t, o, params.Text("return_url"))
	t.Put(o)
	t.Emit("payment_intent.requires_action", o)
	return o, nil
}

// asks says whether a card asks its holder to authenticate a payment.
func asks(t *resource.Tx, c card, method Object, offSession bool) bool {
	switch c.asks {
	case always:
		return true
	case unlessSetUp:
		return !isSetUp(t, method.ID())
	case onSession:
		return !offSession
	}
	return false
}

// attempt charges a card that needs no authentication, or had it.
func attempt(t *resource.Tx, o, method Object, c card) (Object, *Refusal) {
	if c.decline != "" {
		return nil, fail(t, o, method, c.decline)
	}
	capture := o.Text("capture_method") != "manual"
	charge := newCharge(t, o, method)
	charge["paid"], charge["status"], charge["captured"] = true, succeeded, capture
	o["latest_charge"], o["last_payment_error"], o["next_action"] = charge.ID(), nil, nil
	if capture {
		book(t, charge, charge.Int("amount"))
		o["status"], o["amount_received"], o["amount_capturable"] = succeeded, o["amount"], 0
	} else {
		o["status"], o["amount_capturable"] = requiresCapture, o["amount"]
		t.After(authorizationLifetime, timerExpire, o.ID())
	}
	keepMethod(t, o, method)
	t.Put(charge)
	t.Put(o)
	t.Emit("charge.succeeded", charge)
	if capture {
		t.Emit("payment_intent.succeeded", o)
	} else {
		t.Emit("payment_intent.amount_capturable_updated", o)
	}
	return o, nil
}

// keepMethod attaches a payment method that is to be used again.
func keepMethod(t *resource.Tx, o, method Object) {
	if !o.Set("setup_future_usage") || !o.Set("customer") {
		return
	}
	markSetUp(t, method.ID())
	if !method.Set("customer") && method.Kind() == PaymentMethod {
		attach(t, method, o.Text("customer"))
	}
}

// fail records a declined payment and returns its refusal. Without a method nothing
// was charged.
func fail(t *resource.Tx, o, method Object, decline string) *Refusal {
	failure := declineError(decline)
	var charge Object
	if method != nil {
		charge = newCharge(t, o, method)
		declineCharge(charge, decline)
		t.Put(charge)
		failure["charge"] = charge.ID()
		o["latest_charge"] = charge.ID()
		failure["payment_method"] = shownMethod(t, o)
	}
	o["last_payment_error"], o["status"], o["payment_method"], o["next_action"] = failure, requiresMethod, nil, nil
	t.Put(o)
	if charge != nil {
		t.Emit("charge.failed", charge)
	}
	t.Emit("payment_intent.payment_failed", o)

	fields := Object{"payment_intent": o}
	for _, name := range []string{"charge", "payment_method"} {
		if failure.Has(name) {
			fields[name] = failure[name]
		}
	}
	return declined(decline, fields)
}

// shownMethod is the payment method of an intent as errors show it.
func shownMethod(t *resource.Tx, o Object) Object {
	method, refusal := methodOf(t, o.Text("payment_method"), "payment_method")
	if refusal != nil {
		return nil
	}
	return method
}

// process begins a payment by bank debit, which takes a while to succeed.
func process(t *resource.Tx, o Object) (Object, *Refusal) {
	o["status"], o["next_action"] = processing, nil
	t.Put(o)
	t.Emit("payment_intent.processing", o)
	t.After(processingTime, timerSettle, o.ID())
	return o, nil
}

const (
	timerSettle = "payment_intent.settle"
	// processingTime is how long a bank debit takes
	// (https://docs.stripe.com/payments/ach-direct-debit#timing).
	processingTime = 4 * 24 * time.Hour
	timerExpire    = "payment_intent.expire"
	// authorizationLifetime is how long an authorized amount can be captured
	// (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
	authorizationLifetime = 7 * 24 * time.Hour
)

// settleProcessing ends a payment by bank debit well.
func settleProcessing(t *resource.Tx, id string) {
	o, ok := t.Find(PaymentIntent, id)
	if !ok || o.Text("status") != processing {
		return
	}
	method, ok := t.Find(PaymentMethod, o.Text("payment_method"))
	if !ok {
		return
	}
	_, _ = attempt(t, o, method, card{}) // nothing declines it
}

// Order is a payment that another area has made, off session.
type Order struct {
	Amount   int64
	Currency string
	Customer string
	// Method is the id of the payment method, empty where the customer pays later.
	Method      string
	Description any
	// Invoice is the id of the invoice that is paid, if it is one.
	Invoice string
	// Fields are further fields of the payment intent.
	Fields Object
}

// NewIntent makes the payment intent of an order. It is stored, and its event made.
func NewIntent(t *resource.Tx, order Order) Object {
	o := newIntent(t, order.Amount, order.Currency)
	o["customer"], o["description"] = order.Customer, order.Description
	if order.Invoice != "" {
		o["invoice"] = order.Invoice
	}
	resource.Assign(o, order.Fields, slices.Collect(maps.Keys(order.Fields))...)
	t.Put(o)
	t.Emit("payment_intent.created", o)
	return o
}

// Pay tries to pay a payment intent with a payment method, and returns it as it is then;
// the refusal says why it was declined. OffSession says that the customer is not there
// to authenticate; otherwise the intent may come back with the status requires_action.
// What the payment changed is stored, also where it was declined.
func Pay(t *resource.Tx, intent, method string, offSession bool) (Object, *Refusal) {
	o, refusal := t.Get(PaymentIntent, intent, "payment_intent")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := setMethod(t, o, Object{"payment_method": method}); refusal != nil {
		return o, refusal
	}
	paid, refusal := confirm(t, o, Object{"off_session": offSession})
	if refusal != nil {
		if now, ok := t.Find(PaymentIntent, intent); ok {
			paid = now
		}
		return paid, refusal
	}
	return paid, nil
}
