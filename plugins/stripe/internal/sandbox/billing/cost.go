package billing

import (
	"encoding/json"
	"strconv"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// recurrence is how often a price recurs.
func recurrence(price resource.Object) rating.Recurrence {
	recurring := price.Object("recurring")
	return rating.Recurrence{Interval: recurring.Text("interval"), Count: int(recurring.Int("interval_count"))}
}

// cost is what a price costs. The objects hold what was read before.
func cost(t *resource.Tx, price resource.Object) rating.Price {
	transform := price.Object("transform_quantity")
	p := rating.Price{
		Unit:   decimal(price["unit_amount_decimal"]),
		Divide: transform.Int("divide_by"), RoundUp: transform.Text("round") == "up",
		Volume: price.Text("tiers_mode") == "volume",
	}
	if price.Text("billing_scheme") != "tiered" {
		return p
	}
	kept, _ := t.Find(hidden, price.ID())
	for _, tier := range kept.Objects("tiers") {
		p.Tiers = append(p.Tiers, rating.Tier{UpTo: tier.Int("up_to"), Unit: decimal(tier["unit_amount_decimal"]), Flat: decimal(tier["flat_amount_decimal"])})
	}
	return p
}

// decimal reads a number of any kind that JSON has; what is none is 0.
func decimal(value any) rating.Decimal {
	text := ""
	switch v := value.(type) {
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	case int:
		text = strconv.Itoa(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		text = v.String()
	}
	d, err := rating.ParseDecimal(text)
	if err != nil {
		return rating.Decimal{}
	}
	return d
}

// pricedBy finds the price that params name or describe, in "price" or "price_data",
// and refuses one that is of the wrong type.
func pricedBy(t *resource.Tx, params resource.Object, kind, at string) (resource.Object, *resource.Refusal) {
	where := func(name string) string {
		if at == "" {
			return name
		}
		return at + "[" + name + "]"
	}
	found, refusal := priceOf(t, params, where)
	if refusal != nil {
		return nil, refusal
	}
	switch {
	case kind == "recurring" && found.Text("type") != kind:
		return nil, resource.Invalid(where("price"), "", "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	case kind == "one_time" && found.Text("type") != kind:
		return nil, resource.Invalid(where("price"), "", "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.")
	case found.Object("custom_unit_amount") != nil:
		return nil, resource.Invalid(where("price"), "", "The price specified has a custom unit amount, which can be used in Checkout only.")
	}
	return found, nil
}

func priceOf(t *resource.Tx, params resource.Object, where func(string) string) (resource.Object, *resource.Refusal) {
	data := params.Object("price_data")
	if data == nil {
		found, refusal := t.Get(price, params.Text("price"), where("price"))
		if refusal == nil && !found.Bool("active") {
			return nil, resource.Invalid(where("price"), "", "The price specified is inactive. This field only accepts active prices.")
		}
		return found, refusal
	}
	if params.Text("price") != "" {
		return nil, resource.Invalid(where("price"), "", "You may only specify one of these parameters: price, price_data.")
	}
	if _, refusal := t.Get(product, data.Text("product"), where("price_data")+"[product]"); refusal != nil {
		return nil, refusal
	}
	made, refusal := newPrice(t, data, data.Text("product"), where("price_data"))
	if refusal != nil {
		return nil, refusal
	}
	made["active"] = false // one that is made on the way cannot be used again
	announcePrice(t, made)
	return made, nil
}
