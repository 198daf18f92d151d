package billing

import (
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func prices() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{price: "price"},
		Operations: map[string]resource.Operation{
			"PostPrices":      createPrice,
			"GetPrices":       listPrices,
			"GetPricesPrice":  resource.Getter(price),
			"PostPricesPrice": updatePrice,
			"GetPricesSearch": resource.Searcher(price, resource.SearchFields{"active": resource.TokenField, "lookup_key": resource.StringField, "currency": resource.TokenField, "product": resource.TokenField, "type": resource.TokenField}),
		},
		Includes: map[string]resource.Include{"price.tiers": shown("tiers")},
	}
}

func createPrice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	of := r.Params.Text("product")
	switch data := r.Params.Object("product_data"); {
	case of == "" && data == nil || of != "" && data != nil:
		return nil, resource.Invalid("product", "parameter_missing", "You must specify either `product` or `product_data` when creating a price.")
	case data != nil:
		made, refusal := newProduct(t, data)
		if refusal != nil {
			return nil, refusal
		}
		of = made.ID()
	default:
		if _, refusal := t.Get(product, of, "product"); refusal != nil {
			return nil, refusal
		}
	}
	o, refusal := newPrice(t, r.Params, of, "")
	if refusal != nil {
		return nil, refusal
	}
	announcePrice(t, o)
	return o, nil
}

// announcePrice stores a new price and makes its events: a recurring one is a plan,
// too.
func announcePrice(t *resource.Tx, o resource.Object) {
	t.Put(o)
	if o.Object("recurring") != nil {
		t.Emit("plan.created", planOf(t, o))
	}
	t.Emit("price.created", o)
}

// newPrice makes a price of params, which stand at a place in the request, or at its
// top. It is not stored yet.
func newPrice(t *resource.Tx, params resource.Object, of, at string) (resource.Object, *resource.Refusal) {
	where := func(name string) string {
		if at == "" {
			return name
		}
		return at + "[" + name + "]"
	}
	if refusal := refuse(params, "keep prices in more than one currency", "currency_options"); refusal != nil {
		return nil, refusal
	}
	o := t.New(price)
	o["product"], o["active"], o["currency"] = of, true, strings.ToLower(params.Text("currency"))
	o["type"], o["billing_scheme"] = "one_time", first(params.Text("billing_scheme"), "per_unit")
	o["recurring"], o["tax_behavior"] = nil, first(params.Text("tax_behavior"), "unspecified")
	resource.Assign(o, params, "active", "nickname", "tiers_mode", "transform_quantity")
	if refusal := setRecurring(o, params, where); refusal != nil {
		return nil, refusal
	}
	if refusal := setAmount(t, o, params, where); refusal != nil {
		return nil, refusal
	}
	if refusal := setLookupKey(t, o, params); refusal != nil {
		return nil, refusal
	}
	return o, resource.Metadata(o, params)
}

func setRecurring(o, params resource.Object, where func(string) string) *resource.Refusal {
	given := params.Object("recurring")
	if given == nil {
		return nil
	}
	if given.Text("usage_type") == "metered" {
		return resource.NotDone(where("recurring")+"[usage_type]", "meter usage")
	}
	count := int64(1)
	if given.Has("interval_count") {
		count = given.Int("interval_count")
	}
	recurring := resource.Object{"aggregate_usage": nil, "interval": given.Text("interval"), "interval_count": count, "usage_type": "licensed"}
	o["type"], o["recurring"] = "recurring", recurring
	if err := recurrence(o).Check(); err != nil {
		return resource.Invalid(where("recurring")+"[interval_count]", "", "Invalid recurring interval: a period may be three years long at most.")
	}
	return nil
}

// setAmount reads what a price costs: one amount, an amount that the customer
// chooses, or tiers.
func setAmount(t *resource.Tx, o, params resource.Object, where func(string) string) *resource.Refusal {
	o["unit_amount"], o["unit_amount_decimal"], o["custom_unit_amount"] = nil, nil, nil
	custom := params.Object("custom_unit_amount")
	switch {
	case o.Text("billing_scheme") == "tiered":
		return setTiers(t, o, params, where)
	case len(params.List("tiers")) > 0:
		return resource.Invalid(where("tiers"), "", "`tiers` can only be used with `billing_scheme=tiered`.")
	case custom.Bool("enabled"):
		shown := resource.Object{"maximum": nil, "minimum": nil, "preset": nil}
		resource.Assign(shown, custom, "maximum", "minimum", "preset")
		o["custom_unit_amount"] = shown
		return nil
	}
	amount, refusal := unitAmount(params, where, "unit_amount")
	switch {
	case refusal != nil:
		return refusal
	case amount == nil:
		return resource.Invalid("", "", "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
	}
	showAmount(o, "unit_amount", *amount)
	return nil
}

// unitAmount reads an amount that is given as an integer or, with "_decimal", with a
// fraction; nil where neither is.
func unitAmount(params resource.Object, where func(string) string, name string) (*rating.Decimal, *resource.Refusal) {
	decimal := name + "_decimal"
	if params.Set(name) && params.Set(decimal) {
		return nil, resource.Invalid(where(name), "", "You may only specify one of these parameters: %s, %s.", name, decimal)
	}
	var amount rating.Decimal
	switch {
	case params.Set(name):
		amount = rating.Whole(params.Int(name))
	case params.Set(decimal):
		var err error
		if amount, err = rating.ParseDecimal(params.Text(decimal)); err != nil {
			return nil, resource.Invalid(where(decimal), "parameter_invalid_decimal", "Invalid decimal: %s", params.Text(decimal))
		}
	default:
		return nil, nil
	}
	if amount.Negative() {
		return nil, resource.Invalid(where(name), "parameter_invalid_integer", "This value must be greater than or equal to 0.")
	}
	return &amount, nil
}

// showAmount shows an amount in both of its fields, the integer one null where it has
// a fraction.
func showAmount(o resource.Object, name string, amount rating.Decimal) {
	o[name+"_decimal"], o[name] = amount.String(), nil
	if whole, ok := amount.Integer(); ok {
		o[name] = whole
	}
}

func setTiers(t *resource.Tx, o, params resource.Object, where func(string) string) *resource.Refusal {
	given := params.Objects("tiers")
	if len(given) == 0 || params.Text("tiers_mode") == "" {
		return resource.Invalid(where("tiers"), "parameter_missing", "You must specify `tiers` and `tiers_mode` when `billing_scheme` is `tiered`.")
	}
	tiers := make([]resource.Object, len(given))
	below := int64(0)
	for i, tier := range given {
		shown := resource.Object{"flat_amount": nil, "flat_amount_decimal": nil, "unit_amount": nil, "unit_amount_decimal": nil, "up_to": nil}
		place := func(name string) string { return where("tiers") + "[" + strconv.Itoa(i) + "][" + name + "]" }
		for _, name := range []string{"unit_amount", "flat_amount"} {
			amount, refusal := unitAmount(tier, place, name)
			if refusal != nil {
				return refusal
			}
			if amount != nil {
				showAmount(shown, name, *amount)
			}
		}
		end, ends := integer(tier, "up_to")
		switch last := i == len(given)-1; {
		case last && (ends || tier.Text("up_to") != "inf"):
			return resource.Invalid(place("up_to"), "", "The last tier must have `up_to` set to `inf`.")
		case !last && (!ends || end <= below):
			return resource.Invalid(place("up_to"), "", "Tiers must be in ascending order, and only the last one may be without an end.")
		case !last:
			shown["up_to"], below = end, end
		}
		tiers[i] = shown
	}
	hide(t, o.ID(), resource.Object{"tiers": tiers})
	return nil
}

func setLookupKey(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	if !params.Has("lookup_key") {
		return nil
	}
	key := params.Text("lookup_key")
	o["lookup_key"] = orNull(key)
	if key == "" {
		return nil
	}
	for _, other := range t.All(resource.Filter{Kind: price, Equal: map[string]string{"lookup_key": key}}) {
		if other.ID() == o.ID() {
			continue
		}
		if !params.Bool("transfer_lookup_key") {
			return resource.Invalid("lookup_key", "", "A price (`%s`) already uses that lookup key.", other.ID())
		}
		before := other.Clone()
		other["lookup_key"] = nil
		t.Put(other)
		t.EmitUpdate("price.updated", before, other)
	}
	return nil
}

func updatePrice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, price)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := refuse(r.Params, "keep prices in more than one currency", "currency_options"); refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := setLookupKey(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := resource.Update(o, r.Params, "active", "nickname", "tax_behavior"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("price.updated", before, o)
	return o, nil
}

func listPrices(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(price, r, "active", "currency", "product", "type")
	keys, recurring, keep := r.Params.Texts("lookup_keys"), r.Params.Object("recurring"), f.Keep
	f.Keep = func(o resource.Object) bool {
		for name, wanted := range recurring {
			if o.Object("recurring")[name] != wanted {
				return false
			}
		}
		return (keep == nil || keep(o)) && (len(keys) == 0 || slices.Contains(keys, o.Text("lookup_key")))
	}
	return t.List(r, f)
}
