package payment

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// setUp marks, beside a payment method, that it was set up for later payments. It is an
// object of the sandbox's own, with the id of the method.
const setUp = resource.OwnKind + "set_up"

func attachMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	customer, refusal := t.Get(Customer, r.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	var o Object
	if _, magic := cardNamed(r.Subject()); magic {
		o, refusal = methodOf(t, r.Subject(), "payment_method")
	} else {
		o, refusal = t.Subject(r, PaymentMethod)
	}
	if refusal != nil {
		return nil, refusal
	}
	if o.Text("customer") == customer.ID() {
		return o, nil
	}
	if o.Set("customer") {
		return nil, resource.Unexpected("payment_method_already_attached", "The payment method you provided has already been attached to a customer.")
	}
	if c, ok := cardOf(o); ok && c.decline != "" && !c.attaches {
		refusal := declined(c.decline, Object{"payment_method": o})
		refusal.Stands = false
		return nil, refusal
	}
	return attach(t, o, customer.ID()), nil
}

// attach stores a payment method with a customer.
func attach(t *resource.Tx, method Object, customer string) Object {
	method["customer"] = customer
	t.Put(method)
	t.Emit("payment_method.attached", method)
	return method
}

func detachMethod(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, PaymentMethod)
	if refusal != nil {
		return nil, refusal
	}
	if !o.Set("customer") {
		return nil, resource.Unexpected("", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	before := o.Clone()
	if customer, ok := t.Find(Customer, o.Text("customer")); ok && !customer.Bool("deleted") {
		t.On(customer.Text("test_clock"))
		forgetDefault(t, customer, o.ID())
	}
	o["customer"] = nil
	t.Put(o)
	t.Remove(Object{"id": o.ID(), "object": setUp})
	t.Put(Object{"id": o.ID(), "object": usedUp})
	t.EmitChange("payment_method.detached", before, o)
	return o, nil
}

// usedUp marks, beside a payment method, that it was detached and can pay no more.
const usedUp = resource.OwnKind + "used_up"

// forgetDefault takes a payment method out of a customer's settings.
func forgetDefault(t *resource.Tx, customer Object, method string) {
	settings := customer.Object("invoice_settings")
	if settings.Text("default_payment_method") != method {
		return
	}
	before := customer.Clone()
	settings["default_payment_method"] = nil
	t.Put(customer)
	t.EmitUpdate("customer.updated", before, customer)
}

// markSetUp remembers that a payment method was set up for later payments.
func markSetUp(t *resource.Tx, method string) { t.Put(Object{"id": method, "object": setUp}) }

func isSetUp(t *resource.Tx, method string) bool { _, ok := t.Find(setUp, method); return ok }

// usable refuses a payment method that cannot pay for a customer, who may be nobody.
func usable(t *resource.Tx, method Object, customer string) *Refusal {
	if _, ok := t.Find(usedUp, method.ID()); ok && !method.Set("customer") {
		return resource.Invalid("payment_method", "", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.")
	}
	owner := method.Text("customer")
	switch {
	case owner == "" || owner == customer:
		return nil
	case customer == "":
		return resource.Invalid("payment_method", "", "The payment method supplied (%s) belongs to a customer. Please include the customer in the `customer` parameter on the request.", method.ID())
	}
	return resource.Invalid("payment_method", "", "The payment method supplied (%s) does not belong to the customer %s.", method.ID(), customer)
}
