package billing

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// newLine makes a line of an invoice.
func newLine(t *resource.Tx, kind, currency string, amount int64) resource.Object {
	o := t.Blank(lineItem)
	o["id"], o["type"], o["currency"] = "il_"+random.Text(24), kind, currency
	o["amount"], o["amount_excluding_tax"] = amount, amount
	o["discount_amounts"], o["discounts"], o["discountable"] = []any{}, []any{}, true
	o["tax_amounts"], o["tax_rates"] = []any{}, []any{}
	o["proration"], o["proration_details"] = false, resource.Object{"credited_items": nil}
	delete(o, "invoice_item") // only those have it that were an item before
	o["invoice"] = nil
	return o
}

// itemLine makes the line of an invoice item.
func itemLine(t *resource.Tx, item resource.Object) resource.Object {
	o := newLine(t, "invoiceitem", item.Text("currency"), item.Int("amount"))
	resource.Assign(o, item, "description", "discountable", "metadata", "period", "price", "proration", "quantity", "subscription")
	o["invoice_item"], o["unit_amount_excluding_tax"] = item.ID(), item["unit_amount_decimal"]
	return o
}

// subscriptionLines makes the lines of the items of a subscription for a period. A
// trial costs nothing. A period that is shorter than the price's costs its share.
func subscriptionLines(t *resource.Tx, sub resource.Object, start, end int64, trial bool) ([]resource.Object, *resource.Refusal) {
	var lines []resource.Object
	for _, item := range items(sub) {
		made, refusal := periodLines(t, sub, item, start, end, trial)
		if refusal != nil {
			return nil, refusal
		}
		lines = append(lines, made...)
	}
	return lines, nil
}

func periodLines(t *resource.Tx, sub, item resource.Object, start, end int64, trial bool) ([]resource.Object, *resource.Refusal) {
	of := item.Object("price")
	parts, err := cost(t, of).Parts(item.Int("quantity"))
	if err != nil {
		return nil, tooLarge()
	}
	name := productName(t, of)
	if trial {
		parts = []rating.Part{{Quantity: item.Int("quantity")}}
	}
	fullStart, fullEnd := cycle(sub).Period(sub.Int("billing_cycle_anchor"), start)
	lines := make([]resource.Object, len(parts))
	for i, part := range parts {
		amount, err := rating.Prorate(part.Amount, start, end, fullStart, fullEnd)
		if err != nil {
			return nil, tooLarge()
		}
		if trial {
			amount = 0
		}
		o := newLine(t, subscription, sub.Text("currency"), amount)
		o["description"] = describe(name, of, part)
		if trial {
			o["description"] = "Trial period for " + name
		}
		o["metadata"] = sub.Object("metadata").Clone()
		o["period"] = resource.Object{"start": start, "end": end}
		o["price"], o["quantity"] = of, part.Quantity
		o["subscription"], o["subscription_item"] = sub.ID(), item.ID()
		o["unit_amount_excluding_tax"] = part.Unit.String()
		lines[i] = o
	}
	return lines, nil
}

func productName(t *resource.Tx, price resource.Object) string {
	of, _ := t.Find(product, price.Text("product"))
	return first(of.Text("name"), price.Text("product"))
}

// describe says what a line is for, as Stripe's invoices do.
func describe(name string, price resource.Object, part rating.Part) string {
	recurring := price.Object("recurring")
	every := recurring.Text("interval")
	if n := recurring.Int("interval_count"); n > 1 {
		every = fmt.Sprintf("every %d %ss", n, every)
	} else if every != "" {
		every = "/ " + every
	}
	amount := money(part.Unit, price.Text("currency"))
	switch {
	case part.Flat:
		return strings.TrimSpace(fmt.Sprintf("%s (Tier %d at %s %s", name, part.Tier, amount, every)) + ")"
	case part.Tier > 0:
		return strings.TrimSpace(fmt.Sprintf("%d × %s (Tier %d at %s %s", part.Quantity, name, part.Tier, amount, every)) + ")"
	}
	return strings.TrimSpace(fmt.Sprintf("%d × %s (at %s %s", part.Quantity, name, amount, every)) + ")"
}

// money writes an amount for people: "$20.00".
func money(amount rating.Decimal, currency string) string {
	text := amount.Shift(payment.Decimals(currency))
	if sign := payment.Sign(currency); sign != "" {
		return sign + text
	}
	return text + " " + strings.ToUpper(currency)
}
