package derive

// conveniences are what single actions take beside the parameters of their operation.
var conveniences = map[string]func(*action){
	"createSubscription": addPriceID,
	"cancelSubscription": addImmediately,
}

// addPriceID lets priceId stand for one item.
func addPriceID(a *action) {
	properties(a.schema)["priceId"] = node{
		"description": "The price to subscribe to: short for one item with this price. Exactly one of priceId and items is needed.",
		"type":        "string", "minLength": 1, "maxLength": 5000,
	}
	// Two rules instead of one oneOf, so that the fault has a place.
	a.schema["anyOf"] = []any{
		node{"required": []any{"priceId"}},
		node{"required": []any{"items"}},
	}
	a.schema["dependentSchemas"] = node{"priceId": node{"properties": node{"items": false}}}
}

// addImmediately lets a subscription end with its period.
func addImmediately(a *action) {
	properties(a.schema)["immediately"] = node{
		"description": "true ends the subscription now, false at the end of the period that is paid for.",
		"type":        "boolean", "default": false,
	}
	// These two belong to the operation that ends a subscription now; Stripe
	// does not know them on the one that lets it run out.
	a.schema["if"] = node{"not": node{
		"required":   []any{"immediately"},
		"properties": node{"immediately": node{"const": true}},
	}}
	a.schema["then"] = node{"properties": node{"invoice_now": false, "prorate": false}}
}
