package billing

import (
	"fmt"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// prorationDate reads from when on a change is prorated: now, or a time in the
// current period.
func prorationDate(params, sub resource.Object, now int64) (int64, *resource.Refusal) {
	at, given := integer(params, "proration_date")
	switch {
	case !given:
		return now, nil
	case at < sub.Int("current_period_start") || at > sub.Int("current_period_end"):
		return 0, resource.Invalid("proration_date", "", "Invalid proration_date: it must be within the current period of the subscription.")
	}
	return at, nil
}

// prorations makes the invoice items of a change in mid-period: what was paid and is
// not used comes back, and the rest of the period is charged at the new price
// (https://docs.stripe.com/billing/subscriptions/prorations). Where a new period
// begins with the change, only the former is made. A trial has none.
func prorations(t *resource.Tx, customer, before, after resource.Object, at int64, begins bool) ([]resource.Object, *resource.Refusal) {
	if before.Text("status") == "trialing" {
		return nil, nil
	}
	was, is := byID(before), byID(after)
	var made []resource.Object
	for _, old := range items(before) {
		now, stays := is[old.ID()]
		if stays && !begins && same(old, now) {
			continue
		}
		item, refusal := proration(t, customer, before, old, at, true)
		if refusal != nil {
			return nil, refusal
		}
		made = append(made, item)
		if stays && !begins {
			if item, refusal = proration(t, customer, after, now, at, false); refusal != nil {
				return nil, refusal
			}
			made = append(made, item)
		}
	}
	for _, item := range items(after) {
		if _, known := was[item.ID()]; known || begins {
			continue
		}
		charge, refusal := proration(t, customer, after, item, at, false)
		if refusal != nil {
			return nil, refusal
		}
		made = append(made, charge)
	}
	return made, nil
}

func byID(sub resource.Object) map[string]resource.Object {
	found := map[string]resource.Object{}
	for _, item := range items(sub) {
		found[item.ID()] = item
	}
	return found
}

func same(a, b resource.Object) bool {
	return a.Object("price").ID() == b.Object("price").ID() && a.Int("quantity") == b.Int("quantity")
}

// proration makes the credit, or the charge, for an item of a subscription from a time
// to the end of the period. A percentage that is taken off is taken off it, too; it
// cannot be discounted again.
func proration(t *resource.Tx, customer, sub, item resource.Object, at int64, credit bool) (resource.Object, *resource.Refusal) {
	of, quantity := item.Object("price"), item.Int("quantity")
	amount, err := cost(t, of).Amount(quantity)
	if err != nil {
		return nil, tooLarge()
	}
	given := inForce(t, sub)
	if given == nil {
		given = inForce(t, customer)
	}
	if given != nil {
		if amount, err = Reduction(t, given.Object("coupon")).Net(amount); err != nil {
			return nil, tooLarge()
		}
	}
	end := sub.Int("current_period_end")
	start, full := cycle(sub).Period(sub.Int("billing_cycle_anchor"), at)
	if at >= full { // the period ends now
		start, full = sub.Int("current_period_start"), end
	}
	if amount, err = rating.Prorate(amount, at, end, start, full); err != nil {
		return nil, tooLarge()
	}
	what := "Remaining time on"
	if credit {
		amount, what = -amount, "Unused time on"
	}
	name := productName(t, of)
	if quantity != 1 {
		name = fmt.Sprintf("%d × %s", quantity, name)
	}
	o := newItem(t, customer, sub.Text("currency"))
	o["amount"], o["quantity"], o["price"], o["subscription"] = amount, quantity, of, sub.ID()
	o["proration"], o["discountable"] = true, false
	o["description"] = fmt.Sprintf("%s %s after %s", what, name, unix(at).Format("02 Jan 2006"))
	o["period"] = resource.Object{"start": at, "end": end}
	if quantity == 1 {
		showAmount(o, "unit_amount", rating.Whole(amount))
	}
	return o, nil
}
