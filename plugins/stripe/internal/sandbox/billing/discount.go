package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func discounts() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{discount: "di"},
		Operations: map[string]resource.Operation{
			"PostCustomers":                                    discounted(payment.CreateCustomer),
			"PostCustomersCustomer":                            discounted(payment.UpdateCustomer),
			"GetCustomersCustomerDiscount":                     getDiscount,
			"DeleteCustomersCustomerDiscount":                  deleteDiscount(payment.Customer),
			"DeleteSubscriptionsSubscriptionExposedIdDiscount": deleteDiscount(subscription),
		},
	}
}

// redemption is what a request asks for with "coupon" or "promotion_code".
type redemption struct {
	coupon, code resource.Object
}

// redeeming reads "coupon" and "promotion_code"; nil where neither is given. Amount is
// what it is to be used on.
func redeeming(t *resource.Tx, params, customer resource.Object, amount int64, currency string) (*redemption, *resource.Refusal) {
	id, code := params.Text("coupon"), params.Text("promotion_code")
	switch {
	case id != "" && code != "":
		return nil, resource.Invalid("coupon", "", "You may only specify one of these parameters: coupon, promotion_code.")
	case code != "":
		o, refusal := redeemableCode(t, code, customer, amount, currency)
		if refusal != nil {
			return nil, refusal
		}
		of, refusal := t.Get(coupon, o.Object("coupon").ID(), "promotion_code")
		return &redemption{of, o}, refusal
	case id != "":
		of, refusal := Redeemable(t, id, "coupon")
		if refusal == nil && of.Set("amount_off") && currency != "" && of.Text("currency") != currency {
			refusal = resource.Invalid("coupon", "", "The coupon %s takes off an amount in %s, and not in %s.", id, of.Text("currency"), currency)
		}
		return &redemption{coupon: of}, refusal
	}
	return nil, nil
}

// redeem makes the discount of a redemption for an object of a customer, and counts
// it. The discount is stored, so that its id can be expanded.
func redeem(t *resource.Tx, asked *redemption, customer string, owner resource.Object) resource.Object {
	before := asked.coupon.Clone()
	asked.coupon["times_redeemed"] = asked.coupon.Int("times_redeemed") + 1
	t.Put(validated(t, asked.coupon))
	t.EmitUpdate("coupon.updated", before, asked.coupon)
	o := t.New(discount)
	o["coupon"], o["customer"], o["start"] = asked.coupon, customer, t.Now().Unix()
	if owner.Kind() != payment.Customer {
		o[owner.Kind()] = owner.ID()
	}
	if end, ends := lasting(asked.coupon).End(o.Int("start")); ends {
		o["end"] = end
	}
	if asked.code != nil {
		before := asked.code.Clone()
		asked.code["times_redeemed"], asked.code["coupon"] = asked.code.Int("times_redeemed")+1, asked.coupon
		t.Put(asked.code)
		t.EmitUpdate("promotion_code.updated", before, asked.code)
		o["promotion_code"] = asked.code.ID()
	}
	t.Put(o)
	return o
}

// setDiscount gives an object the discount that was asked for, and takes the one that
// it had. A nil redemption takes it only.
func setDiscount(t *resource.Tx, owner resource.Object, customer string, asked *redemption) {
	if old := owner.Object("discount"); old != nil {
		owner["discount"] = nil
		t.Emit("customer.discount.deleted", old)
	}
	if asked != nil {
		made := redeem(t, asked, customer, owner)
		owner["discount"] = made
		t.Emit("customer.discount.created", made)
	}
}

// inForce returns the discount that an object has now, nil where time has ended it.
func inForce(t *resource.Tx, owner resource.Object) resource.Object {
	o := owner.Object("discount")
	if o == nil || o.Set("end") && t.Now().Unix() >= o.Int("end") {
		return nil
	}
	return o
}

// discounted completes an operation on a customer with the discount that it asks for,
// which is for all invoices of the customer that have none of their own
// (https://docs.stripe.com/billing/subscriptions/coupons).
func discounted(do resource.Operation) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		o, refusal := do(t, r)
		if refusal != nil || !r.Params.Has("coupon") && !r.Params.Has("promotion_code") {
			return o, refusal
		}
		asked, refusal := redeeming(t, r.Params, o, 0, o.Text("currency"))
		if refusal != nil {
			return nil, refusal
		}
		before := o.Clone()
		setDiscount(t, o, o.ID(), asked)
		t.Put(o)
		t.EmitUpdate("customer.updated", before, o)
		return o, nil
	}
}

func getDiscount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	owner, ok := t.Find(payment.Customer, r.PathParam("customer"))
	if !ok {
		return t.Subject(r, payment.Customer)
	}
	t.On(owner.Text("test_clock"))
	o := inForce(t, owner)
	if o == nil {
		return nil, noDiscount(owner)
	}
	return o, nil
}

func noDiscount(owner resource.Object) *resource.Refusal {
	refusal := resource.Unexpected("resource_missing", "No active discount for %s: %s", owner.Kind(), owner.ID())
	refusal.Status = 404
	return refusal
}

func deleteDiscount(kind string) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		owner, refusal := t.Subject(r, kind)
		if refusal != nil {
			return nil, refusal
		}
		t.On(owner.Text("test_clock"))
		o := inForce(t, owner)
		if o == nil {
			return nil, noDiscount(owner)
		}
		before := owner.Clone()
		setDiscount(t, owner, "", nil)
		t.Put(owner)
		if kind == subscription {
			t.EmitUpdate("customer.subscription.updated", before, owner)
		}
		gone := o.Clone()
		gone["object"], gone["deleted"] = "discount", true
		delete(gone, "end") // a deleted discount has none
		return gone, nil
	}
}
