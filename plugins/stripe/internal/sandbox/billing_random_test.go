package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/internal/testkit"
)

// Whatever is done to subscriptions and invoices, in whatever order: nothing fails,
// money adds up, and time leaves no subscription behind.
func TestWhateverIsDoneMoneyAddsUp(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	b := open(t, Options{})
	for _, price := range []string{"unit_amount=2500&recurring[interval]=month", "unit_amount_decimal=333.3&recurring[interval]=week", "unit_amount=90&recurring[interval]=day"} {
		b.post("/v1/prices", "currency=usd&product=prod_456&lookup_key=p"+price[len(price)-3:]+"&"+price)
	}
	prices := []string{"price_456"}
	for _, one := range b.get("/v1/prices", "").Body["data"].([]any) {
		prices = append(prices, text(one, "id"))
	}
	b.post("/v1/coupons", "id=THIRD&percent_off=33.3&duration=repeating&duration_in_months=2")
	b.post("/v1/coupons", "id=FIVE&amount_off=500&currency=usd&duration=once")
	rapid.Check(t, func(t *rapid.T) {
		run := &randomBilling{rapid: t, bench: onClockOf(b, "2027-01-31T12:00:00Z", "pm_card_visa"), prices: prices}
		t.Repeat(map[string]func(*rapid.T){
			"subscribe": run.create, "change": run.change, "cancel": run.cancel, "card": run.card,
			"pass": run.advance, "pay": run.pay, "item": run.item, "": run.check,
		})
		b.post("/v1/test_helpers/test_clocks/"+run.clock+"/advance", "frozen_time="+fmt.Sprint(number(b.get("/v1/test_helpers/test_clocks/"+run.clock, ""), "frozen_time")+3600))
		b.del("/v1/test_helpers/test_clocks/" + run.clock)
	})
}

// randomBilling does things to what one customer has.
type randomBilling struct {
	*bench
	rapid  *rapid.T
	prices []string
}

// attempt sends a request that may be refused, and may not fail.
func (r *randomBilling) attempt(method, path, form string) {
	if got := r.send(method, path, form); got.Status >= 500 {
		r.rapid.Fatalf("%s %s %s: %d %s", method, path, form, got.Status, got.Raw)
	}
}

func (r *randomBilling) pick(name string, of ...string) string {
	return rapid.SampledFrom(of).Draw(r.rapid, name)
}

// subscription picks one of the customer's, empty where there is none.
func (r *randomBilling) subscription() (id, item string) {
	all := r.get("/v1/subscriptions", "customer="+r.customer).Body["data"].([]any)
	if len(all) == 0 {
		return "", ""
	}
	one := all[rapid.IntRange(0, len(all)-1).Draw(r.rapid, "subscription")]
	return text(one, "id"), text(one, "items.data.0.id")
}

func (r *randomBilling) create(*rapid.T) {
	form := "customer=" + r.customer + "&items[0][price]=" + r.pick("price", r.prices...) + "&items[0][quantity]=" + r.pick("quantity", "1", "3", "0")
	form += r.pick("more", "", "", "&trial_period_days=5", "&coupon=THIRD", "&coupon=FIVE", "&collection_method=send_invoice&days_until_due=3",
		"&payment_behavior=default_incomplete", "&payment_behavior=error_if_incomplete", "&cancel_at_period_end=true", "&trial_end=now")
	r.attempt(http.MethodPost, "/v1/subscriptions", form)
}

func (r *randomBilling) change(*rapid.T) {
	id, item := r.subscription()
	if id == "" {
		return
	}
	form := r.pick("change", "items[0][id]="+item+"&items[0][quantity]=7", "items[0][id]="+item+"&items[0][price]="+r.pick("price", r.prices...),
		"cancel_at_period_end=true", "cancel_at_period_end=false", "coupon=THIRD", "coupon=", "trial_end=now", "billing_cycle_anchor=now",
		"pause_collection[behavior]=void", "pause_collection=", "metadata[a]=b")
	form += r.pick("prorations", "", "&proration_behavior=none", "&proration_behavior=always_invoice", "&proration_behavior=always_invoice&payment_behavior=error_if_incomplete")
	r.attempt(http.MethodPost, "/v1/subscriptions/"+id, form)
}

func (r *randomBilling) cancel(*rapid.T) {
	if id, _ := r.subscription(); id != "" {
		r.attempt(http.MethodDelete, "/v1/subscriptions/"+id, r.pick("cancel", "", "prorate=true", "invoice_now=true", "prorate=true&invoice_now=true"))
	}
}

func (r *randomBilling) card(*rapid.T) {
	made := r.post("/v1/payment_methods/"+r.pick("card", "pm_card_visa", "pm_card_chargeCustomerFail")+"/attach", "customer="+r.customer)
	r.post("/v1/customers/"+r.customer, "invoice_settings[default_payment_method]="+made.text("id"))
}

func (r *randomBilling) advance(*rapid.T) {
	r.pass(r.pick("by", "30m", "2h", "23h", "1d", "3d", "8d", "31d"))
}

func (r *randomBilling) pay(*rapid.T) {
	for _, one := range r.get("/v1/invoices", "status="+r.pick("status", "open", "draft")+"&limit=1&customer="+r.customer).Body["data"].([]any) {
		r.attempt(http.MethodPost, "/v1/invoices/"+text(one, "id")+"/"+r.pick("what", "pay", "pay", "void", "mark_uncollectible", "finalize"), "")
	}
}

func (r *randomBilling) item(*rapid.T) {
	r.attempt(http.MethodPost, "/v1/invoiceitems", "customer="+r.customer+"&currency=usd&amount="+r.pick("amount", "1200", "-700", "20"))
	r.attempt(http.MethodPost, "/v1/invoices", "customer="+r.customer+"&"+r.pick("invoice", "auto_advance=true&pending_invoice_items_behavior=include", "auto_advance=false"))
}

// number reads an integer by its dotted path.
func number(value any, path string) int64 {
	if r, ok := value.(reply); ok {
		value = r.Body
	}
	n, err := strconv.ParseInt(text(value, path), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// all reads a whole list.
func (r *randomBilling) all(path, form string) []any {
	var all []any
	for after := ""; ; {
		page := r.get(path, "limit=100&"+form+after)
		data := page.Body["data"].([]any)
		all = append(all, data...)
		if page.text("has_more") != "true" {
			return all
		}
		after = "&starting_after=" + text(data[len(data)-1], "id")
	}
}

func (r *randomBilling) check(*rapid.T) {
	now := number(r.get("/v1/test_helpers/test_clocks/"+r.clock, ""), "frozen_time")
	var collected, paid, balance, used int64
	for _, one := range r.all("/v1/invoices", "customer="+r.customer) {
		r.adds(one)
		if text(one, "paid_out_of_band") == "false" {
			paid += number(one, "amount_paid")
		}
		if status := text(one, "status"); status != "draft" && status != "void" {
			used += number(one, "ending_balance") - number(one, "starting_balance")
		}
	}
	for _, one := range r.all("/v1/charges", "customer="+r.customer) {
		if text(one, "paid") == "true" {
			collected += number(one, "amount")
		}
	}
	if collected != paid {
		r.rapid.Fatalf("%d is collected and %d is paid", collected, paid)
	}
	for _, one := range r.all("/v1/customers/"+r.customer+"/balance_transactions", "") {
		balance += number(one, "amount")
	}
	if shown := number(r.get("/v1/customers/"+r.customer, ""), "balance"); shown != balance || shown != used {
		r.rapid.Fatalf("the balance is %d; its transactions add up to %d, and what invoices changed to %d", shown, balance, used)
	}
	for _, one := range r.all("/v1/subscriptions", "status=all&customer="+r.customer) {
		start, end := number(one, "current_period_start"), number(one, "current_period_end")
		switch status := text(one, "status"); status {
		case "active", "trialing", "past_due":
			if now < start || now >= end {
				r.rapid.Fatalf("it is %d, and the period of the %s %s is %d to %d", now, status, text(one, "id"), start, end)
			}
		case "incomplete":
			if now >= number(one, "created")+23*3600 {
				r.rapid.Fatalf("%s is incomplete still", text(one, "id"))
			}
		case "canceled", "incomplete_expired":
			if ended := number(one, "ended_at"); ended == 0 || ended > now {
				r.rapid.Fatalf("%s ended at %d, and it is %d", text(one, "id"), ended, now)
			}
		default:
			r.rapid.Fatalf("%s is %s", text(one, "id"), status)
		}
	}
}

// adds checks the sums of an invoice.
func (r *randomBilling) adds(one any) {
	var lines, off int64
	for _, line := range one.(map[string]any)["lines"].(map[string]any)["data"].([]any) {
		lines += number(line, "amount")
		for _, part := range line.(map[string]any)["discount_amounts"].([]any) {
			off += number(part, "amount")
		}
	}
	total, status := number(one, "total"), text(one, "status")
	wrong := ""
	switch {
	case lines != number(one, "subtotal"):
		wrong = "its lines do not add up to the subtotal"
	case lines-off != total || off != number(one, "total_discount_amounts.0.amount"):
		wrong = "subtotal less discounts is not the total"
	case number(one, "amount_paid")+number(one, "amount_remaining") != number(one, "amount_due"):
		wrong = "paid and remaining are not what is due"
	case status != "draft" && total+number(one, "starting_balance") != number(one, "amount_due")+number(one, "ending_balance"):
		wrong = "what the balance took is lost"
	case (status == "paid") != (text(one, "paid") == "true"), status == "paid" && number(one, "amount_remaining") != 0:
		wrong = "it is paid and not paid"
	}
	if wrong != "" {
		raw, _ := json.Marshal(one)
		r.rapid.Fatalf("%s: %s", wrong, raw)
	}
}
