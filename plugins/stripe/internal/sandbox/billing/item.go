package billing

import (
	"strconv"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// maxItems is how many items a subscription may have
// (https://docs.stripe.com/api/subscriptions/create, items).
const maxItems = 20

// subscriptionItems are the operations on single items. A change of one is a change
// of its subscription.
func subscriptionItems() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{subscriptionItem: "si"},
		Operations: map[string]resource.Operation{
			"PostSubscriptionItems":       createSubscriptionItem,
			"GetSubscriptionItems":        listSubscriptionItems,
			"GetSubscriptionItemsItem":    getSubscriptionItem,
			"PostSubscriptionItemsItem":   updateSubscriptionItem,
			"DeleteSubscriptionItemsItem": deleteSubscriptionItem,
		},
	}
}

// newItems reads the items of a new subscription.
func newItems(t *resource.Tx, sub resource.Object, given []resource.Object) ([]resource.Object, *resource.Refusal) {
	made := make([]resource.Object, 0, len(given))
	for i, one := range given {
		at := "items[" + strconv.Itoa(i) + "]"
		item, refusal := newSubscriptionItem(t, sub, one, at)
		if refusal != nil {
			return nil, refusal
		}
		made = append(made, item)
	}
	return made, checkItems(made)
}

func newSubscriptionItem(t *resource.Tx, sub, params resource.Object, at string) (resource.Object, *resource.Refusal) {
	o := t.New(subscriptionItem)
	o["subscription"], o["quantity"], o["tax_rates"] = sub.ID(), 1, []any{}
	return o, applySubscriptionItem(t, o, params, at)
}

// applySubscriptionItem reads the params of an item, new or known.
func applySubscriptionItem(t *resource.Tx, o, params resource.Object, at string) *resource.Refusal {
	if refusal := refuse(params, "compute taxes", "tax_rates"); refusal != nil {
		return refusal
	}
	if refusal := refuse(params, "bill by thresholds", "billing_thresholds"); refusal != nil {
		return refusal
	}
	if !o.Has("price") || o["price"] == nil || o.Object("price").ID() == "" || params.Set("price") || params.Object("price_data") != nil || params.Set("plan") {
		if params.Set("plan") {
			params["price"] = params["plan"]
		}
		of, refusal := pricedBy(t, params, "recurring", at)
		if refusal != nil {
			return refusal
		}
		o["price"] = of
	}
	if params.Has("quantity") {
		if params.Int("quantity") < 0 {
			return resource.Invalid(at+"[quantity]", "parameter_invalid_integer", "This value must be greater than or equal to 0.")
		}
		o["quantity"] = params.Int("quantity")
	}
	return resource.Metadata(o, params)
}

// checkItems refuses items that cannot be billed together.
func checkItems(all []resource.Object) *resource.Refusal {
	switch {
	case len(all) == 0:
		return resource.Invalid("items", "parameter_missing", "Missing required param: items.")
	case len(all) > maxItems:
		return resource.Invalid("items", "", "A subscription may have %d items at most.", maxItems)
	}
	seen := map[string]bool{}
	of := all[0].Object("price")
	for _, item := range all {
		other := item.Object("price")
		switch {
		case seen[other.ID()]:
			return resource.Invalid("items", "", "Cannot add multiple subscription items with the same plan: %s", other.ID())
		case other.Text("currency") != of.Text("currency"):
			return resource.Invalid("items", "", "Currency of all prices must match: %s is in %s, and %s in %s.", of.ID(), of.Text("currency"), other.ID(), other.Text("currency"))
		case recurrence(other) != recurrence(of):
			return resource.Invalid("items", "", "Currently, all prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If you meant to update an existing item instead of creating a new one, be sure to include the subscription item ID in your request.")
		}
		seen[other.ID()] = true
	}
	return nil
}

// holdItems puts items in a subscription.
func holdItems(sub resource.Object, all []resource.Object) {
	data := make([]any, len(all))
	for i, item := range all {
		data[i] = item
	}
	sub["items"] = resource.Object{"object": "list", "data": data, "has_more": false, "url": "/v1/subscription_items?subscription=" + sub.ID()}
}

// changedItems applies the "items" of an update: known ones by their id, new ones
// without, and those that go.
func changedItems(t *resource.Tx, sub resource.Object, given []resource.Object) ([]resource.Object, *resource.Refusal) {
	var all []resource.Object
	for _, item := range items(sub) {
		all = append(all, item.Clone())
	}
	for i, one := range given {
		at := "items[" + strconv.Itoa(i) + "]"
		id := one.Text("id")
		if id == "" {
			made, refusal := newSubscriptionItem(t, sub, one, at)
			if refusal != nil {
				return nil, refusal
			}
			all = append(all, made)
			continue
		}
		place := -1
		for j, item := range all {
			if item.ID() == id {
				place = j
			}
		}
		switch {
		case place < 0:
			return nil, resource.Missing("subscription item", id, at+"[id]")
		case one.Bool("deleted"):
			all = append(all[:place], all[place+1:]...)
		default:
			if refusal := applySubscriptionItem(t, all[place], one, at); refusal != nil {
				return nil, refusal
			}
		}
	}
	if len(all) == 0 {
		return nil, resource.Invalid("items", "", "A subscription must have at least one active plan. You may cancel the subscription instead.")
	}
	return all, checkItems(all)
}

// itemOf finds an item and its subscription. Items are kept in their subscription
// alone.
func itemOf(t *resource.Tx, id string) (sub, item resource.Object, refusal *resource.Refusal) {
	t.Each(resource.Filter{Kind: subscription}, func(o resource.Object) bool {
		if ended(o) {
			return true
		}
		for _, one := range items(o) {
			if one.ID() == id {
				sub, item = o, one
			}
		}
		return item == nil
	})
	if item == nil {
		refusal = resource.MissingSubject(subscriptionItem, id)
	}
	return sub, item, refusal
}

func getSubscriptionItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	_, item, refusal := itemOf(t, r.Subject())
	return item, refusal
}

func listSubscriptionItems(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, refusal := t.Get(subscription, r.Params.Text("subscription"), "subscription")
	if refusal != nil {
		return nil, refusal
	}
	list, refusal := pageOfLines(r, resource.Object{"lines": sub.Object("items")})
	return list, refusal
}

// changeParams are the params of an update of the subscription, from those of an
// operation on one item.
func changeParams(params, item resource.Object) resource.Object {
	change := resource.Object{"items": []any{item}}
	resource.Assign(change, params, "payment_behavior", "proration_behavior", "proration_date", "off_session")
	return change
}

func createSubscriptionItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, refusal := t.Get(subscription, r.Params.Text("subscription"), "subscription")
	if refusal != nil {
		return nil, refusal
	}
	item := resource.Object{}
	resource.Assign(item, r.Params, "billing_thresholds", "metadata", "price", "price_data", "plan", "quantity", "tax_rates")
	changed, refusal := change(t, sub, changeParams(r.Params, item))
	if refusal != nil {
		return nil, refusal
	}
	all := items(changed)
	return all[len(all)-1], nil
}

func updateSubscriptionItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, _, refusal := itemOf(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	item := resource.Object{"id": r.Subject()}
	resource.Assign(item, r.Params, "billing_thresholds", "metadata", "price", "price_data", "plan", "quantity", "tax_rates")
	if _, refusal := change(t, sub, changeParams(r.Params, item)); refusal != nil {
		return nil, refusal
	}
	return getSubscriptionItem(t, r)
}

func deleteSubscriptionItem(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, _, refusal := itemOf(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	if _, refusal := change(t, sub, changeParams(r.Params, resource.Object{"id": r.Subject(), "deleted": true})); refusal != nil {
		return nil, refusal
	}
	return resource.Object{"id": r.Subject(), "object": subscriptionItem, "deleted": true}, nil
}
