package checkout

import (
	"strconv"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/billing"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// readItems makes the items of a session or a link from its params, and returns their
// currency.
func readItems(t *resource.Tx, params resource.Object, mode string) (made []resource.Object, currency string, refusal *resource.Refusal) {
	for i, given := range params.Objects("line_items") {
		at := "line_items[" + strconv.Itoa(i) + "]"
		price, refusal := readPrice(t, given, at)
		if refusal != nil {
			return nil, "", refusal
		}
		recurring := price.Object("recurring") != nil
		if mode == "payment" && recurring {
			return nil, "", resource.Invalid(at, "", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
		}
		if currency != "" && price.Text("currency") != currency {
			return nil, "", resource.Invalid(at, "", "All line items must have the same currency: %s is not %s.", price.Text("currency"), currency)
		}
		currency = price.Text("currency")
		if !given.Has("quantity") || given.Int("quantity") < 1 {
			return nil, "", resource.Invalid(at+"[quantity]", "parameter_missing", "Quantity is required. Add `quantity` to `%s`", at)
		}
		for _, name := range []string{"tax_rates", "dynamic_tax_rates"} {
			if len(given.List(name)) > 0 {
				return nil, "", resource.NotDone(at+"["+name+"]", "compute taxes in Checkout")
			}
		}
		quantity := given.Int("quantity")
		one := t.New(item)
		product, _ := t.Find("product", price.Ref("product"))
		one["price"], one["quantity"], one["currency"], one["description"] = price, quantity, currency, product["name"]
		one["amount_subtotal"], one["amount_total"] = price.Int("unit_amount")*quantity, price.Int("unit_amount")*quantity
		one["amount_discount"], one["amount_tax"] = 0, 0
		made = append(made, one)
	}
	return made, currency, nil
}

// readPrice returns the price of an item, and makes one that is described.
func readPrice(t *resource.Tx, given resource.Object, at string) (price resource.Object, refusal *resource.Refusal) {
	data := given.Object("price_data")
	switch {
	case (data != nil) == given.Set("price"):
		return nil, resource.Invalid(at, "parameter_missing", "You must specify either `price` or `price_data` in `%s`.", at)
	case data != nil:
		if data.Set("tax_behavior") && data.Text("tax_behavior") != "unspecified" {
			return nil, resource.NotDone(at+"[price_data][tax_behavior]", "compute taxes in Checkout")
		}
		// Its product is one that is there, or is described, as for any price.
		made := resource.Object{}
		resource.Assign(made, data, "currency", "product", "unit_amount", "unit_amount_decimal", "recurring")
		if product := data.Object("product_data"); product != nil {
			made["product_data"] = product
			if product.Set("description") || len(product.List("images")) > 0 {
				part := resource.Object{}
				resource.Assign(part, product, "name", "metadata", "tax_code")
				made["product_data"] = part
			}
		}
		price, refusal = t.Do("PostPrices", nil, made)
	default:
		price, refusal = t.Get("price", given.Text("price"), at+"[price]")
		if refusal == nil && !price.Bool("active") {
			refusal = resource.Invalid(at+"[price]", "price_inactive", "The price specified is inactive. This field only accepts active prices.")
		}
	}
	if refusal == nil && price["unit_amount"] == nil {
		refusal = resource.NotDone(at, "sell prices in Checkout that have no whole amount for one unit")
	}
	return price, refusal
}

// discount takes the discount that is asked for off the items, and returns what it
// comes to.
func discount(t *resource.Tx, params resource.Object, items []resource.Object) (total int64, refusal *resource.Refusal) {
	given := params.Objects("discounts")
	if len(given) == 0 {
		return 0, nil
	}
	coupon, refusal := couponOf(t, given[0])
	if refusal != nil {
		return 0, refusal
	}
	if coupon.Set("amount_off") && coupon.Text("currency") != items[0].Text("currency") {
		return 0, resource.Invalid("discounts[0]", "", "The coupon %s takes off an amount in %s.", coupon.ID(), coupon.Text("currency"))
	}
	lines := make([]rating.Line, len(items))
	for i, one := range items {
		lines[i] = rating.Line{Amount: one.Int("amount_subtotal"), Product: one.Object("price").Ref("product"), Discountable: true}
	}
	off, err := billing.Reduction(t, coupon).Off(lines)
	if err != nil {
		return 0, resource.Invalid("discounts[0]", "amount_too_large", "The discount cannot be computed.")
	}
	for i, one := range items {
		one["amount_discount"], one["amount_total"] = off[i], one.Int("amount_subtotal")-off[i]
		total += off[i]
	}
	return total, nil
}

// couponOf finds the coupon of a discount.
func couponOf(t *resource.Tx, given resource.Object) (resource.Object, *resource.Refusal) {
	id := given.Text("coupon")
	if code := given.Text("promotion_code"); code != "" {
		o, refusal := t.Get("promotion_code", code, "discounts[0][promotion_code]")
		if refusal != nil {
			return nil, refusal
		}
		id = o.Ref("coupon")
	}
	return billing.Redeemable(t, id, "discounts[0][coupon]")
}
