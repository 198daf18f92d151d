package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// bench is a sandbox with a test clock and a customer on it.
type bench struct {
	*box
	clock, customer string
}

// onClock opens a sandbox with a customer who pays with a test card
// (https://docs.stripe.com/testing), on a test clock that shows a time. Without a card
// the customer has nothing to pay with.
func onClock(t *testing.T, at, card string) *bench {
	t.Helper()
	return onClockOf(open(t, Options{}), at, card)
}

func onClockOf(b *box, at, card string) *bench {
	b.t.Helper()
	clock := b.post("/v1/test_helpers/test_clocks", "frozen_time="+unixText(b.t, at)).text("id")
	form := "test_clock=" + clock
	if card != "" {
		form += "&payment_method=" + card + "&invoice_settings[default_payment_method]=" + card
	}
	return &bench{box: b, clock: clock, customer: b.post("/v1/customers", form).text("id")}
}

func unixText(t *testing.T, at string) string {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(when.Unix())
}

// pass moves the clock on, further than one request to Stripe may.
func (b *bench) pass(by string) {
	b.t.Helper()
	b.do("advance", fmt.Sprintf(`{"by":%q,"clock":%q}`, by, b.clock))
}

// subscribe makes a subscription of the customer.
func (b *bench) subscribe(form string) reply {
	b.t.Helper()
	return b.post("/v1/subscriptions", "customer="+b.customer+"&"+form)
}

// since returns the types of the events after the first n, without those of the
// account's balance, which has its own times.
func (b *box) since(n int) []string {
	b.t.Helper()
	return slices.DeleteFunc(b.events()[n:], func(kind string) bool { return kind == "balance.available" })
}

func (b *box) happened(n int, want ...string) {
	b.t.Helper()
	if got := b.since(n); !slices.Equal(got, want) {
		b.t.Errorf("events\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// amounts returns what the invoices of a subscription come to and their statuses,
// oldest first.
func (b *box) amounts(sub string) []string {
	b.t.Helper()
	var all []string
	for _, one := range b.get("/v1/invoices", "subscription="+sub+"&limit=100").Body["data"].([]any) {
		all = append(all, text(one, "total")+" "+text(one, "status"))
	}
	slices.Reverse(all)
	return all
}

// https://docs.stripe.com/billing/subscriptions/webhooks: what a renewal tells, in the
// order of its causes.
var renewal = []string{
	"invoice.upcoming", "invoice.created", "customer.subscription.updated",
	"payment_intent.created", "invoice.finalized", "charge.succeeded", "payment_intent.succeeded",
	"invoice.updated", "invoice.paid", "invoice.payment_succeeded",
}

func TestASubscriptionIsPaidMonthAfterMonth(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-01-31T10:00:00Z", "pm_card_visa")
	before := len(b.events())
	made := b.subscribe("items[0][price]=price_456&items[0][quantity]=2&expand[]=latest_invoice.payment_intent")
	b.shows(made, map[string]string{
		"status": "active", "items.data.0.quantity": "2", "test_clock": b.clock,
		"current_period_start": unixText(t, "2026-01-31T10:00:00Z"), "current_period_end": unixText(t, "2026-02-28T10:00:00Z"),
		"latest_invoice.status": "paid", "latest_invoice.amount_paid": "4000", "latest_invoice.billing_reason": "subscription_create",
		"latest_invoice.payment_intent.status": "succeeded", "latest_invoice.payment_intent.amount": "4000",
		"latest_invoice.lines.data.0.period.end": unixText(t, "2026-02-28T10:00:00Z"), "latest_invoice.lines.data.0.amount": "4000",
	})
	id := made.text("id")
	b.happened(before, "customer.subscription.created", "invoice.created", "payment_intent.created", "invoice.finalized",
		"charge.succeeded", "payment_intent.succeeded", "invoice.updated", "customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded")

	// At the end of the period there is a draft, and an hour later it is paid
	// (https://docs.stripe.com/billing/invoices/subscription).
	b.pass("28d30m")
	b.shows(b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice"), map[string]string{
		"status": "active", "current_period_start": unixText(t, "2026-02-28T10:00:00Z"), "current_period_end": unixText(t, "2026-03-31T10:00:00Z"),
		"latest_invoice.status": "draft", "latest_invoice.billing_reason": "subscription_cycle", "latest_invoice.total": "4000",
		"latest_invoice.period_start": unixText(t, "2026-01-31T10:00:00Z"), "latest_invoice.number": "<null>",
	})
	before = len(b.events())
	b.pass("1h")
	b.happened(before, renewal[3:]...)

	before = len(b.events())
	b.pass("62d")
	b.happened(before, append(slices.Clone(renewal), renewal...)...)
	if got, want := b.amounts(id), []string{"4000 paid", "4000 paid", "4000 paid", "4000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
	b.shows(b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice"), map[string]string{
		"current_period_start": unixText(t, "2026-04-30T10:00:00Z"), "current_period_end": unixText(t, "2026-05-31T10:00:00Z"),
	})
	// Invoices are numbered by customer (https://docs.stripe.com/invoicing/customize).
	numbers := map[string]bool{}
	for _, one := range b.get("/v1/invoices", "customer="+b.customer).Body["data"].([]any) {
		number := text(one, "number")
		numbers[number[strings.LastIndex(number, "-"):]] = true
	}
	for _, want := range []string{"-0001", "-0002", "-0003", "-0004"} {
		if !numbers[want] {
			t.Errorf("no invoice has a number that ends in %s: %v", want, numbers)
		}
	}
}

// A card that begins to decline: three more attempts, 3, 5 and 7 days apart, then the
// subscription is canceled
// (https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses).
func TestASubscriptionThatIsNotPaidIsTriedAgainAndThenCanceled(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-03-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.breakCard()
	b.pass("30d") // to the 31st
	before := len(b.events())
	b.pass("1d2h")
	b.happened(before, "invoice.created", "customer.subscription.updated", "payment_intent.created", "invoice.finalized",
		"charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed", "customer.subscription.updated")
	failed := b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice.payment_intent")
	b.shows(failed, map[string]string{
		"status": "past_due", "latest_invoice.status": "open", "latest_invoice.attempt_count": "1", "latest_invoice.attempted": "true",
		"latest_invoice.next_payment_attempt":                   unixText(t, "2026-04-04T01:00:00Z"),
		"latest_invoice.payment_intent.status":                  "requires_payment_method",
		"latest_invoice.payment_intent.last_payment_error.code": "card_declined",
		"latest_invoice.amount_remaining":                       "2000",
		"latest_invoice.payment_intent.last_payment_error.type": "card_error",
	})
	invoice := failed.text("latest_invoice.id")

	for attempts, wait := range []string{"3d", "5d"} {
		before = len(b.events())
		b.pass(wait)
		b.happened(before, "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed")
		b.shows(b.get("/v1/invoices/"+invoice, ""), map[string]string{"attempt_count": fmt.Sprint(attempts + 2), "status": "open"})
	}
	before = len(b.events())
	b.pass("7d")
	b.happened(before, "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed", "customer.subscription.deleted")
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{
		"status": "canceled", "cancellation_details.reason": "payment_failed", "ended_at": unixText(t, "2026-04-16T01:00:00Z"),
	})
	b.shows(b.get("/v1/invoices/"+invoice, ""), map[string]string{"status": "open", "attempt_count": "4", "next_payment_attempt": "<null>", "auto_advance": "false"})
	before = len(b.events())
	b.pass("90d")
	b.happened(before)
}

// breakCard gives the customer a card that can be attached, and declines every charge.
func (b *bench) breakCard() string {
	b.t.Helper()
	card := b.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+b.customer).text("id")
	b.post("/v1/customers/"+b.customer, "invoice_settings[default_payment_method]="+card)
	return card
}

func TestALateSubscriptionIsActiveOnceItIsPaid(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-03-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.breakCard()
	b.pass("31d2h")
	late := b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice")
	b.shows(late, map[string]string{"status": "past_due"})
	good := b.post("/v1/payment_methods/pm_card_visa/attach", "customer="+b.customer).text("id")
	b.post("/v1/customers/"+b.customer, "invoice_settings[default_payment_method]="+good)
	before := len(b.events())
	b.shows(b.post("/v1/invoices/"+late.text("latest_invoice.id")+"/pay", ""), map[string]string{"status": "paid", "paid": "true", "amount_remaining": "0", "attempt_count": "2"})
	b.happened(before, "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded")
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "active"})
	b.pass("20d")
	b.shows(b.get("/v1/invoices/"+late.text("latest_invoice.id"), ""), map[string]string{"attempt_count": "2"})
}

// https://docs.stripe.com/billing/subscriptions/trials.
func TestATrialIsFreeAndThenPaid(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-05-01T00:00:00Z", "pm_card_visa")
	before := len(b.events())
	made := b.subscribe("items[0][price]=price_456&trial_period_days=14&expand[]=latest_invoice")
	b.shows(made, map[string]string{
		"status": "trialing", "trial_end": unixText(t, "2026-05-15T00:00:00Z"), "current_period_end": unixText(t, "2026-05-15T00:00:00Z"),
		"billing_cycle_anchor": unixText(t, "2026-05-15T00:00:00Z"), "latest_invoice.total": "0", "latest_invoice.status": "paid",
		"latest_invoice.lines.data.0.description": "Trial period for Sandbox plan", "latest_invoice.payment_intent": "<null>",
	})
	b.happened(before, "customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
	before = len(b.events())
	b.pass("11d")
	b.happened(before, "invoice.upcoming", "customer.subscription.trial_will_end")
	before = len(b.events())
	b.pass("3d1h")
	b.happened(before, renewal[1:]...)
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "active", "current_period_end": unixText(t, "2026-06-15T00:00:00Z")})
	b.pass("31d")
	if got, want := b.amounts(made.text("id")), []string{"0 paid", "2000 paid", "2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
}

func TestATrialWithoutACardEndsAsItSays(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-05-01T00:00:00Z", "")
	for _, test := range []struct {
		behavior, status string
		events           []string
	}{
		{"pause", "paused", []string{"customer.subscription.updated", "customer.subscription.paused"}},
		{"cancel", "canceled", []string{"customer.subscription.deleted"}},
		{"create_invoice", "past_due", []string{"invoice.created", "customer.subscription.updated", "payment_intent.created", "invoice.finalized", "invoice.updated", "invoice.payment_failed", "customer.subscription.updated"}},
	} {
		c := onClockOf(b.box, "2026-05-01T00:00:00Z", "")
		id := c.subscribe("items[0][price]=price_456&trial_period_days=2&trial_settings[end_behavior][missing_payment_method]=" + test.behavior).text("id")
		before := len(c.events())
		c.pass("2d1h")
		c.happened(before, append([]string{"customer.subscription.trial_will_end"}, test.events...)...)
		c.shows(c.get("/v1/subscriptions/"+id, ""), map[string]string{"status": test.status})
		if test.status != "paused" {
			continue
		}
		good := c.post("/v1/payment_methods/pm_card_visa/attach", "customer="+c.customer).text("id")
		c.post("/v1/customers/"+c.customer, "invoice_settings[default_payment_method]="+good)
		before = len(c.events())
		c.shows(c.post("/v1/subscriptions/"+id+"/resume", "billing_cycle_anchor=now"), map[string]string{"status": "active", "current_period_end": unixText(t, "2026-06-03T01:00:00Z")})
		if got := c.since(before); !slices.Contains(got, "customer.subscription.resumed") {
			t.Errorf("events %v", got)
		}
	}
}

// https://docs.stripe.com/billing/subscriptions/billing-cycle: the days until the
// anchor are billed in proportion.
func TestASubscriptionIsBilledFromItsAnchor(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-16T00:00:00Z", "pm_card_visa")
	may := unixText(t, "2026-05-01T00:00:00Z")
	b.shows(b.subscribe("items[0][price]=price_456&billing_cycle_anchor="+may+"&expand[]=latest_invoice"), map[string]string{
		"current_period_end": may, "billing_cycle_anchor": may, "latest_invoice.total": "1000", "latest_invoice.status": "paid",
	})
	free := b.subscribe("items[0][price]=price_456&proration_behavior=none&billing_cycle_anchor=" + may)
	b.shows(free, map[string]string{"status": "active", "latest_invoice": "<null>"})
	b.pass("15d2h")
	if got, want := b.amounts(free.text("id")), []string{"2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
	late := unixText(t, "2026-08-01T00:00:00Z")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&billing_cycle_anchor="+late)
}

func TestAnInvoiceThatIsSentIsDueLater(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "")
	made := b.subscribe("items[0][price]=price_456&collection_method=send_invoice&days_until_due=10&expand[]=latest_invoice")
	b.shows(made, map[string]string{"status": "active", "latest_invoice.status": "draft", "latest_invoice.due_date": unixText(t, "2026-04-11T00:00:00Z")})
	before := len(b.events())
	b.pass("1h")
	b.happened(before, "payment_intent.created", "invoice.finalized", "invoice.sent")
	b.pass("10d")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "past_due"})
	b.post("/v1/invoices/"+made.text("latest_invoice.id")+"/pay", "paid_out_of_band=true")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), "expand[]=latest_invoice"), map[string]string{"status": "active", "latest_invoice.paid_out_of_band": "true", "latest_invoice.charge": "<null>"})
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&collection_method=send_invoice")
}

func TestTheSeedsSubscriptionIsActiveAndPaid(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.shows(b.get("/v1/subscriptions/sub_789", "expand[]=latest_invoice.charge&expand[]=customer&expand[]=items.data.price.product"), map[string]string{
		"status": "active", "customer.id": "cus_123", "items.data.0.price.id": "price_456", "items.data.0.price.recurring.interval": "month",
		"items.data.0.price.product.name": "Sandbox plan", "latest_invoice.status": "paid", "latest_invoice.charge.status": "succeeded",
	})
	b.shows(b.get("/v1/invoices", "subscription=sub_789"), map[string]string{"data.#": "1"})
	if got := b.events(); len(got) != 0 {
		t.Errorf("the seed made events: %v", got)
	}
	b.do("advance", `{"by":"92d"}`)
	if got, want := b.amounts("sub_789"), []string{"2000 paid", "2000 paid", "2000 paid", "2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
	b.do("reset", "")
	b.shows(b.get("/v1/invoices", "subscription=sub_789"), map[string]string{"data.#": "1"})
}
