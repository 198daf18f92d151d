package billing

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func promotionCodes() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{promotionCode: "promo"},
		Operations: map[string]resource.Operation{
			"PostPromotionCodes":              createPromotionCode,
			"GetPromotionCodes":               listPromotionCodes,
			"GetPromotionCodesPromotionCode":  getPromotionCode,
			"PostPromotionCodesPromotionCode": updatePromotionCode,
		},
	}
}

func createPromotionCode(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	of, refusal := Redeemable(t, r.Params.Text("coupon"), "coupon")
	if refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("customer"); id != "" {
		if _, refusal := t.Get(payment.Customer, id, "customer"); refusal != nil {
			return nil, refusal
		}
	}
	o := t.New(promotionCode)
	o["coupon"], o["times_redeemed"], o["active"] = of, 0, true
	o["code"] = first(r.Params.Text("code"), strings.ToUpper(random.Text(8)))
	if strings.Trim(o.Text("code"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, resource.Invalid("code", "", "The promotion code can only contain letters, digits, and dashes.")
	}
	resource.Assign(o, r.Params, "active", "customer", "expires_at", "max_redemptions")
	o["restrictions"] = resource.Object{"first_time_transaction": false, "minimum_amount": nil, "minimum_amount_currency": nil}
	restrictions := r.Params.Object("restrictions")
	if refusal := refuse(restrictions, "keep promotion codes in more than one currency", "currency_options"); refusal != nil {
		return nil, refusal
	}
	resource.Assign(o.Object("restrictions"), restrictions, "first_time_transaction", "minimum_amount", "minimum_amount_currency")
	if o.Bool("active") {
		if refusal := uniqueCode(t, o); refusal != nil {
			return nil, refusal
		}
	}
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("promotion_code.created", o)
	return o, nil
}

// uniqueCode refuses a code that another active one has, for the same customer or for
// all; letters count the same large and small
// (https://docs.stripe.com/api/promotion_codes/object).
func uniqueCode(t *resource.Tx, o resource.Object) *resource.Refusal {
	for _, other := range t.All(resource.Filter{Kind: promotionCode}) {
		if other.ID() != o.ID() && usable(t, other) && strings.EqualFold(other.Text("code"), o.Text("code")) && other.Text("customer") == o.Text("customer") {
			return resource.Invalid("code", "resource_already_exists", "An active promotion code with `code: %s` already exists.", o.Text("code"))
		}
	}
	return nil
}

// usable says whether a promotion code is active, and neither expired nor used up.
func usable(t *resource.Tx, o resource.Object) bool {
	return o.Bool("active") &&
		(!o.Set("expires_at") || t.Now().Unix() <= o.Int("expires_at")) &&
		(!o.Set("max_redemptions") || o.Int("times_redeemed") < o.Int("max_redemptions"))
}

func getPromotionCode(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, promotionCode)
	if refusal != nil {
		return nil, refusal
	}
	o["active"] = usable(t, o)
	return o, nil
}

func listPromotionCodes(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(promotionCode, r, "customer")
	now := t.Now().Unix()
	f.Keep = func(o resource.Object) bool {
		o["active"] = o.Bool("active") && (!o.Set("expires_at") || now <= o.Int("expires_at")) &&
			(!o.Set("max_redemptions") || o.Int("times_redeemed") < o.Int("max_redemptions"))
		return (!r.Params.Has("active") || r.Params.Bool("active") == o.Bool("active")) &&
			(!r.Params.Has("code") || strings.EqualFold(r.Params.Text("code"), o.Text("code"))) &&
			(!r.Params.Has("coupon") || r.Params.Text("coupon") == o.Object("coupon").ID())
	}
	return t.List(r, f)
}

func updatePromotionCode(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, promotionCode)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := refuse(r.Params, "keep promotion codes in more than one currency", "restrictions"); refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "active"); refusal != nil {
		return nil, refusal
	}
	if o.Bool("active") && !before.Bool("active") {
		if _, refusal := Redeemable(t, o.Object("coupon").ID(), "coupon"); refusal != nil {
			return nil, resource.Invalid("active", "", "This promotion code cannot be activated, because its coupon is no longer valid.")
		}
		if refusal := uniqueCode(t, o); refusal != nil {
			return nil, refusal
		}
	}
	t.Put(o)
	t.EmitUpdate("promotion_code.updated", before, o)
	return o, nil
}

// redeemableCode finds a promotion code, by its id, that a customer can use now.
// Amount is what the code is to be used on, in a currency.
func redeemableCode(t *resource.Tx, id string, customer resource.Object, amount int64, currency string) (resource.Object, *resource.Refusal) {
	const param = "promotion_code"
	o, refusal := t.Get(promotionCode, id, param)
	if refusal != nil {
		return nil, refusal
	}
	cannot := func(why string) *resource.Refusal {
		return resource.Invalid(param, "", "This promotion code cannot be redeemed because %s.", why)
	}
	restrictions := o.Object("restrictions")
	switch {
	case !usable(t, o):
		return nil, resource.Invalid(param, "promotion_code_expired", "This promotion code is expired, used up, or not active: %s", id)
	case o.Set("customer") && o.Text("customer") != customer.ID():
		return nil, cannot("the associated customer is another one")
	case restrictions.Bool("first_time_transaction") && hasPaid(t, customer.ID()):
		return nil, cannot("the associated customer has prior transactions")
	case restrictions.Set("minimum_amount") && (restrictions.Text("minimum_amount_currency") != currency || amount < restrictions.Int("minimum_amount")):
		return nil, cannot("the amount is below the minimum of the code")
	}
	if _, refusal := Redeemable(t, o.Object("coupon").ID(), param); refusal != nil {
		return nil, refusal
	}
	return o, nil
}

// hasPaid says whether a customer has paid before
// (https://docs.stripe.com/billing/subscriptions/coupons: first-time transactions).
func hasPaid(t *resource.Tx, customer string) bool {
	paid := false
	for _, kind := range []string{invoice, "charge"} {
		t.Each(resource.Filter{Kind: kind, Equal: map[string]string{"customer": customer}}, func(o resource.Object) bool {
			paid = paid || o.Bool("paid") && o.Int("amount_paid")+o.Int("amount_captured") > 0
			return !paid
		})
	}
	return paid
}
