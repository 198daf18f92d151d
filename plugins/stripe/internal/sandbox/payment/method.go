package payment

import (
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func methods() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{PaymentMethod: "pm"},
		Operations: map[string]resource.Operation{
			"PostPaymentMethods":                              createMethod,
			"GetPaymentMethods":                               listMethods,
			"GetPaymentMethodsPaymentMethod":                  getMethod,
			"PostPaymentMethodsPaymentMethod":                 updateMethod,
			"PostPaymentMethodsPaymentMethodAttach":           attachMethod,
			"PostPaymentMethodsPaymentMethodDetach":           detachMethod,
			"GetCustomersCustomerPaymentMethods":              listCustomersMethods,
			"GetCustomersCustomerPaymentMethodsPaymentMethod": getCustomersMethod,
		},
	}
}

// newMethod makes a payment method of a test card. It is stored.
func newMethod(t *resource.Tx, c card) Object {
	o := t.New(PaymentMethod)
	o["type"] = Card
	o["billing_details"] = Object{
		"address": Object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil},
		"email":   nil, "name": nil, "phone": nil,
	}
	details := o.Object(Card)
	details["brand"], details["display_brand"] = c.brand, c.brand
	details["country"], details["funding"], details["last4"] = c.country, c.funding, c.last4()
	details["fingerprint"] = c.fingerprint()
	details["exp_month"], details["exp_year"] = 12, t.Now().Year()+3
	details["networks"] = Object{"available": []any{c.brand}, "preferred": nil}
	t.Put(o)
	return o
}

// cardOf returns the test card of a payment method; false for another type.
func cardOf(method Object) (card, bool) {
	return cardPrinted(method.Object(Card).Text("fingerprint"))
}

// AttachedTo refuses a payment method that is not the customer's. A test id stands for a
// new one each time, which no customer has.
func AttachedTo(t *resource.Tx, id, customer, param string) *Refusal {
	method, refusal := t.Get(PaymentMethod, id, param)
	if refusal != nil && !isTestMethod(id) {
		return refusal
	}
	if refusal != nil || method.Text("customer") != customer {
		return resource.Invalid(param, "resource_missing", "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
	}
	return nil
}

// isTestMethod reports whether an id is one of the test ids of payment methods.
func isTestMethod(id string) bool {
	_, ok := cardNamed(id)
	return ok && strings.HasPrefix(id, "pm_card_")
}

// methodOf returns the payment method that an id names. A test id, such as
// "pm_card_visa", stands for a new one each time.
func methodOf(t *resource.Tx, id, param string) (Object, *Refusal) {
	if isTestMethod(id) {
		c, _ := cardNamed(id)
		return newMethod(t, c), nil
	}
	if strings.HasPrefix(id, Card+"_") {
		if o, ok := t.Find(Card, id); ok {
			return methodOfCard(t, o), nil
		}
	}
	return t.Get(PaymentMethod, id, param)
}

// methodOfCard shows a card of the older API as a payment method, which has its id.
func methodOfCard(t *resource.Tx, o Object) Object {
	c, _ := cardPrinted(o.Text("fingerprint"))
	method := newMethod(t, c)
	t.Remove(method)
	method["id"], method["customer"] = o.ID(), o["customer"]
	return method
}

// createMethod makes a payment method of card details, of a token, or of a test id.
func createMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if id := r.Params.Text("payment_method"); id != "" {
		return nil, resource.Invalid("payment_method", "parameter_invalid", "The sandbox does not share payment methods between accounts.")
	}
	return methodFrom(t, r.Params, "")
}

// methodFrom makes a payment method of params such as those of its creation. Inside are
// the names before those of the params in messages.
func methodFrom(t *resource.Tx, params Object, inside string) (Object, *Refusal) {
	kind := params.Text("type")
	switch {
	case kind == "" && params.Has(Card):
		kind = Card
	case kind == "":
		return nil, resource.Invalid(within(inside, "type"), "parameter_missing", "Missing required param: %s.", within(inside, "type"))
	}
	if kind != Card {
		return otherMethod(t, kind, params)
	}
	c, refusal := cardFrom(t, params.Object(Card), within(inside, Card))
	if refusal != nil {
		return nil, refusal
	}
	o := newMethod(t, c)
	given := params.Object(Card)
	if given.Has("exp_month") {
		o.Object(Card)["exp_month"], o.Object(Card)["exp_year"] = integer(given, "exp_month"), fullYear(integer(given, "exp_year"))
	}
	return finishMethod(t, o, params)
}

// otherMethod makes a payment method that is no card: payments with it succeed.
func otherMethod(t *resource.Tx, kind string, params Object) (Object, *Refusal) {
	c, _ := cardNamed("pm_card_visa")
	o := newMethod(t, c)
	delete(o, Card)
	o["type"] = kind
	details := params.Object(kind).Clone()
	if details == nil {
		details = Object{}
	}
	for _, secret := range []string{"iban", "account_number", "number"} {
		if number := details.Text(secret); number != "" {
			delete(details, secret)
			details["last4"] = number[max(0, len(number)-4):]
		}
	}
	o[kind] = details
	return finishMethod(t, o, params)
}

func finishMethod(t *resource.Tx, o, params Object) (Object, *Refusal) {
	if details := params.Object("billing_details"); details != nil {
		mergeInto(o.Object("billing_details"), details)
	}
	if refusal := resource.Metadata(o, params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}

// mergeInto copies fields, and those of objects in them.
func mergeInto(o, from Object) {
	for name := range from {
		inner := o.Object(name)
		if given := from.Object(name); given != nil && inner != nil {
			mergeInto(inner, given)
			continue
		}
		resource.Assign(o, from, name)
	}
}

func within(outer, name string) string {
	if outer == "" {
		return name
	}
	return outer + "[" + name + "]"
}

// integer reads an integer, which the description has as a text in places.
func integer(o Object, name string) int64 {
	if n, err := strconv.ParseInt(o.Text(name), 10, 64); err == nil {
		return n
	}
	return o.Int(name)
}

func fullYear(year int64) int64 {
	if year < 100 {
		return 2000 + year
	}
	return year
}

// cardFrom finds the test card of details: a number, or a token. Other cards are
// refused, as Stripe refuses them with a test key.
func cardFrom(t *resource.Tx, details Object, inside string) (card, *Refusal) {
	if token := details.Text("token"); token != "" {
		return cardOfToken(t, token, within(inside, "token"))
	}
	number := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, details.Text("number"))
	if number == "" {
		return card{}, resource.Invalid(within(inside, "number"), "parameter_missing", "Missing required param: %s.", within(inside, "number"))
	}
	month, year := integer(details, "exp_month"), fullYear(integer(details, "exp_year"))
	c, known := cardNumbered(number)
	switch now := t.Now(); {
	case !luhn(number):
		return card{}, wrongCard("incorrect_number", "number", "Your card number is incorrect.")
	case month < 1 || month > 12:
		return card{}, wrongCard("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")
	case year < int64(now.Year()) || year > int64(now.Year())+50:
		return card{}, wrongCard("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid.")
	case year == int64(now.Year()) && month < int64(now.Month()):
		return card{}, wrongCard("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")
	case details.Has("cvc") && (len(details.Text("cvc")) < 3 || len(details.Text("cvc")) > 4):
		return card{}, wrongCard("invalid_cvc", "cvc", "Your card's security code is invalid.")
	case !known:
		refusal := wrongCard("card_declined", "", "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing.")
		refusal.DeclineCode = "test_mode_live_card"
		return card{}, refusal
	}
	return c, nil
}

func getMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if o, ok := t.Find(PaymentMethod, r.Subject()); ok {
		return o, nil
	}
	if _, ok := cardNamed(r.Subject()); ok {
		return methodOf(t, r.Subject(), "")
	}
	return t.Subject(r, PaymentMethod)
}

func listMethods(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if customer := r.Params.Text("customer"); customer != "" {
		if _, refusal := t.Get(Customer, customer, "customer"); refusal != nil {
			return nil, refusal
		}
	}
	return t.List(r, resource.ByParams(PaymentMethod, r, "customer", "type"))
}

func listCustomersMethods(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if _, refusal := t.Subject(r, Customer); refusal != nil {
		return nil, refusal
	}
	f := resource.ByParams(PaymentMethod, r, "type")
	f.Equal["customer"] = r.Subject()
	return t.List(r, f)
}

func getCustomersMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, PaymentMethod)
	if refusal == nil && o.Text("customer") != r.PathParam("customer") {
		return nil, resource.MissingSubject(PaymentMethod, r.Subject())
	}
	return o, refusal
}

func updateMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, PaymentMethod)
	if refusal != nil {
		return nil, refusal
	}
	if !o.Set("customer") {
		return nil, resource.Unexpected("", "You must save this PaymentMethod to a customer before you can update it.")
	}
	before := o.Clone()
	for _, part := range []string{"billing_details", Card} {
		if given := r.Params.Object(part); given != nil && o.Object(part) != nil {
			mergeInto(o.Object(part), given)
		}
	}
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("payment_method.updated", before, o)
	return o, nil
}
