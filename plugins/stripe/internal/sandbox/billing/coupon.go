package billing

import (
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func coupons() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{coupon: "coupon"},
		Operations: map[string]resource.Operation{
			"PostCoupons":         createCoupon,
			"GetCoupons":          listCoupons,
			"GetCouponsCoupon":    getCoupon,
			"PostCouponsCoupon":   updateCoupon,
			"DeleteCouponsCoupon": deleteCoupon,
		},
		Includes: map[string]resource.Include{"coupon.applies_to": shown("applies_to")},
	}
}

func createCoupon(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := refuse(r.Params, "keep coupons in more than one currency", "currency_options"); refusal != nil {
		return nil, refusal
	}
	o := t.New(coupon)
	o["id"] = first(r.Params.Text("id"), strings.ToUpper(random.Text(8)))
	if _, taken := t.Find(coupon, o.ID()); taken {
		return nil, resource.Invalid("id", "resource_already_exists", "Coupon already exists.")
	}
	resource.Assign(o, r.Params, "amount_off", "duration_in_months", "max_redemptions", "name", "percent_off", "redeem_by")
	o["currency"] = orNull(strings.ToLower(r.Params.Text("currency")))
	o["duration"], o["times_redeemed"], o["valid"] = first(r.Params.Text("duration"), "once"), 0, true
	switch {
	case !o.Set("percent_off") && !o.Set("amount_off"):
		return nil, resource.Invalid("percent_off", "parameter_missing", "You must pass either percent_off or amount_off.")
	case o.Set("percent_off") && o.Set("amount_off"):
		return nil, resource.Invalid("percent_off", "", "You may only specify one of these parameters: percent_off, amount_off.")
	case o.Set("amount_off") && !o.Set("currency"):
		return nil, resource.Invalid("currency", "parameter_missing", "You must pass currency when passing amount_off.")
	case o.Text("duration") == "repeating" && o.Int("duration_in_months") < 1:
		return nil, resource.Invalid("duration_in_months", "parameter_missing", "You must pass duration_in_months when passing duration=repeating.")
	case o.Text("duration") != "repeating" && o.Set("duration_in_months"):
		return nil, resource.Invalid("duration_in_months", "", "duration_in_months can only be set when duration is repeating.")
	case o.Set("redeem_by") && o.Int("redeem_by") <= t.Now().Unix():
		return nil, resource.Invalid("redeem_by", "", "The redeem_by timestamp must be in the future.")
	case o.Set("max_redemptions") && o.Int("max_redemptions") < 1:
		return nil, resource.Invalid("max_redemptions", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	}
	if Reduction(t, o).Check() != nil {
		return nil, resource.Invalid("percent_off", "", "A coupon takes off more than 0, and at most 100 percent.")
	}
	if of := r.Params.Object("applies_to").Texts("products"); len(of) > 0 {
		for _, id := range of {
			if _, refusal := t.Get(product, id, "applies_to[products]"); refusal != nil {
				return nil, refusal
			}
		}
		hide(t, o.ID(), resource.Object{"applies_to": resource.Object{"products": of}})
	}
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("coupon.created", o)
	return o, nil
}

// validated says in a coupon whether it can still be used: time alone may have ended
// that.
func validated(t *resource.Tx, o resource.Object) resource.Object {
	o["valid"] = (!o.Set("redeem_by") || t.Now().Unix() <= o.Int("redeem_by")) &&
		(!o.Set("max_redemptions") || o.Int("times_redeemed") < o.Int("max_redemptions"))
	return o
}

func getCoupon(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, coupon)
	if refusal != nil {
		return nil, refusal
	}
	return validated(t, o), nil
}

func listCoupons(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	list, refusal := t.List(r, resource.Filter{Kind: coupon})
	for _, one := range list.Objects("data") {
		validated(t, one)
	}
	return list, refusal
}

func updateCoupon(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, coupon)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := refuse(r.Params, "keep coupons in more than one currency", "currency_options"); refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "name"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("coupon.updated", before, o)
	return validated(t, o), nil
}

// deleteCoupon ends a coupon for new discounts; those that are given stay.
func deleteCoupon(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, coupon)
	if refusal != nil {
		return nil, refusal
	}
	rest := t.Remove(o)
	t.Emit("coupon.deleted", o)
	return rest, nil
}

// Redeemable finds a coupon that can be used now.
func Redeemable(t *resource.Tx, id, param string) (resource.Object, *resource.Refusal) {
	o, refusal := t.Get(coupon, id, param)
	switch {
	case refusal != nil:
		return nil, refusal
	case o.Set("redeem_by") && t.Now().Unix() > o.Int("redeem_by"):
		return nil, resource.Invalid(param, "coupon_expired", "Coupon expired: %s", id)
	case !validated(t, o).Bool("valid"):
		return nil, resource.Invalid(param, "coupon_expired", "Coupon %s is used up and cannot be applied.", id)
	}
	return o, nil
}

// Reduction is what a coupon takes off.
func Reduction(t *resource.Tx, o resource.Object) rating.Coupon {
	kept, _ := t.Find(hidden, o.ID())
	return rating.Coupon{Percent: decimal(o["percent_off"]), Amount: o.Int("amount_off"), Products: kept.Object("applies_to").Texts("products")}
}

// lasting is how long a discount of a coupon lasts.
func lasting(o resource.Object) rating.Duration {
	return rating.Duration{Kind: o.Text("duration"), Months: int(o.Int("duration_in_months"))}
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
