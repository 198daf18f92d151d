package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The example of https://docs.stripe.com/billing/subscriptions/prorations, in the
// middle of a month of thirty days.
func TestAnUpgradeInMidPeriodIsProrated(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	small := b.post("/v1/prices", "currency=usd&unit_amount=1000&recurring[interval]=month&product_data[name]=Small").text("id")
	large := b.post("/v1/prices", "currency=usd&unit_amount=2000&recurring[interval]=month&product_data[name]=Large").text("id")
	made := b.subscribe("items[0][price]=" + small)
	id, item := made.text("id"), made.text("items.data.0.id")
	b.pass("15d")
	preview := b.get("/v1/invoices/upcoming", "subscription="+id+"&subscription_items[0][id]="+item+"&subscription_items[0][price]="+large)
	b.shows(preview, map[string]string{"total": "2500", "lines.data.#": "3", "id": "<none>", "lines.data.0.amount": "-500", "lines.data.1.amount": "1000", "lines.data.2.amount": "2000"})

	before := len(b.events())
	b.shows(b.post("/v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][price]="+large), map[string]string{
		"status": "active", "items.data.0.price.id": large, "items.data.0.id": item, "current_period_end": unixText(t, "2026-05-01T00:00:00Z"),
	})
	b.happened(before, "invoiceitem.created", "invoiceitem.created", "customer.subscription.updated")
	items := b.get("/v1/invoiceitems", "customer="+b.customer+"&pending=true")
	b.shows(items, map[string]string{
		"data.#": "2", "data.1.amount": "-500", "data.0.amount": "1000", "data.0.proration": "true", "data.0.subscription": id,
		"data.1.description": "Unused time on Small after 16 Apr 2026", "data.0.description": "Remaining time on Large after 16 Apr 2026",
	})
	b.pass("15d2h")
	b.shows(b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice"), map[string]string{
		"latest_invoice.total": "2500", "latest_invoice.status": "paid", "latest_invoice.lines.data.#": "3", "latest_invoice.lines.data.2.type": "subscription",
	})
	b.shows(b.get("/v1/invoiceitems", "customer="+b.customer+"&pending=true"), map[string]string{"data.#": "0"})

	// At once, and not at all. On the 16th of May 15 days and 2 hours of 31 have passed.
	b.pass("15d")
	b.shows(b.post("/v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][quantity]=2&proration_behavior=always_invoice&expand[]=latest_invoice"), map[string]string{
		"latest_invoice.billing_reason": "subscription_update", "latest_invoice.status": "paid", "latest_invoice.total": "1027", "latest_invoice.lines.data.#": "2",
	})
	before = len(b.events())
	b.post("/v1/subscriptions/"+id, "items[0][id]="+item+"&items[0][quantity]=5&proration_behavior=none")
	b.happened(before, "customer.subscription.updated")
}

// A price that recurs otherwise begins a period, which is paid at once
// (https://docs.stripe.com/billing/subscriptions/change-price).
func TestAnotherIntervalBeginsAPeriod(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	year := b.post("/v1/prices", "currency=usd&unit_amount=20000&recurring[interval]=year&product=prod_456").text("id")
	made := b.subscribe("items[0][price]=price_456")
	b.pass("15d")
	b.shows(b.post("/v1/subscriptions/"+made.text("id"), "items[0][id]="+made.text("items.data.0.id")+"&items[0][price]="+year+"&expand[]=latest_invoice"), map[string]string{
		"status": "active", "current_period_start": unixText(t, "2026-04-16T00:00:00Z"), "current_period_end": unixText(t, "2027-04-16T00:00:00Z"),
		"latest_invoice.total": "19000", "latest_invoice.status": "paid",
	})
}

func TestASubscriptionEndsWithItsPeriod(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	before := len(b.events())
	b.shows(b.post("/v1/subscriptions/"+id, "cancel_at_period_end=true&cancellation_details[comment]=bye"), map[string]string{
		"status": "active", "cancel_at_period_end": "true", "canceled_at": unixText(t, "2026-04-01T00:00:00Z"), "cancellation_details.reason": "cancellation_requested",
	})
	b.shows(b.post("/v1/subscriptions/"+id, "cancel_at_period_end=false"), map[string]string{"cancel_at_period_end": "false", "canceled_at": "<null>", "cancellation_details.reason": "<null>"})
	b.post("/v1/subscriptions/"+id, "cancel_at_period_end=true")
	b.refused(404, "invoice_upcoming_none", http.MethodGet, "/v1/invoices/upcoming", "subscription="+id)
	b.pass("29d23h")
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "active"})
	b.pass("1h")
	b.happened(before, "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.updated", "customer.subscription.deleted")
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "canceled", "ended_at": unixText(t, "2026-05-01T00:00:00Z")})
	b.pass("62d")
	if got := b.amounts(id); len(got) != 1 {
		t.Errorf("invoices %v", got)
	}
	b.shows(b.get("/v1/subscriptions", "customer="+b.customer), map[string]string{"data.#": "0"})
	b.shows(b.get("/v1/subscriptions", "customer="+b.customer+"&status=all"), map[string]string{"data.#": "1"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions/"+id, "cancel_at_period_end=false")
	b.refused(404, "resource_missing", http.MethodDelete, "/v1/subscriptions/"+id, "")
}

func TestASubscriptionIsCanceledNow(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.pass("15d")
	before := len(b.events())
	b.good(b.send(http.MethodDelete, "/v1/subscriptions/"+id, "prorate=true&invoice_now=true"), "cancel", "")
	// What is left of the month is a credit, which the balance keeps
	// (https://docs.stripe.com/billing/subscriptions/cancel).
	b.shows(b.get("/v1/subscriptions/"+id, "expand[]=latest_invoice&expand[]=customer"), map[string]string{
		"status": "canceled", "ended_at": unixText(t, "2026-04-16T00:00:00Z"),
		"latest_invoice.total": "-1000", "latest_invoice.amount_due": "0", "latest_invoice.status": "paid", "latest_invoice.ending_balance": "-1000", "customer.balance": "-1000",
	})
	b.happened(before, "invoiceitem.created", "customer.subscription.deleted", "invoice.created", "customer.updated", "invoice.finalized", "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
	again := b.subscribe("items[0][price]=price_456&expand[]=latest_invoice&expand[]=customer")
	b.shows(again, map[string]string{"latest_invoice.starting_balance": "-1000", "latest_invoice.amount_paid": "1000", "latest_invoice.ending_balance": "0", "customer.balance": "0", "status": "active"})
}

// https://docs.stripe.com/billing/subscriptions/pause-payment.
func TestWhileCollectionIsPausedNothingIsCollected(t *testing.T) {
	t.Parallel()
	for behavior, status := range map[string]string{"keep_as_draft": "draft", "void": "void", "mark_uncollectible": "uncollectible"} {
		b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
		id := b.subscribe("items[0][price]=price_456").text("id")
		b.post("/v1/subscriptions/"+id, "pause_collection[behavior]="+behavior+"&pause_collection[resumes_at]="+unixText(t, "2026-05-15T00:00:00Z"))
		b.pass("31d")
		b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "active", "pause_collection.behavior": behavior})
		b.pass("31d")
		b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"pause_collection": "<null>"})
		if got, want := b.amounts(id), []string{"2000 paid", "2000 " + status, "2000 paid"}; !slices.Equal(got, want) {
			t.Errorf("%s: invoices %v, want %v", behavior, got, want)
		}
	}
}

func TestItemsAreAddedChangedAndTakenAway(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	other := b.post("/v1/prices", "currency=usd&unit_amount=3000&recurring[interval]=month&product=prod_456").text("id")
	added := b.post("/v1/subscription_items", "subscription="+id+"&price="+other+"&quantity=2").text("id")
	b.shows(b.get("/v1/subscription_items", "subscription="+id), map[string]string{"data.#": "2", "data.1.id": added, "data.1.quantity": "2"})
	b.shows(b.post("/v1/subscription_items/"+added, "quantity=1&proration_behavior=none"), map[string]string{"quantity": "1", "price.id": other})
	b.shows(b.send(http.MethodDelete, "/v1/subscription_items/"+added, "proration_behavior=none"), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/subscription_items/"+added, "")
	last := b.get("/v1/subscriptions/"+id, "").text("items.data.0.id")
	b.refused(400, "invalid_request_error", http.MethodDelete, "/v1/subscription_items/"+last, "")
	year := b.post("/v1/prices", "currency=usd&unit_amount=3000&recurring[interval]=year&product=prod_456").text("id")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscription_items", "subscription="+id+"&price="+year)
	euro := b.post("/v1/prices", "currency=eur&unit_amount=3000&recurring[interval]=month&product=prod_456").text("id")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscription_items", "subscription="+id+"&price="+euro)
}

func TestWhatTheSandboxDoesNotDoIsRefused(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	for _, param := range []string{
		"backdate_start_date=1700000000", "automatic_tax[enabled]=true", "default_tax_rates[0]=txr_1", "billing_thresholds[amount_gte]=5",
		"billing_cycle_anchor_config[day_of_month]=1", "pending_invoice_item_interval[interval]=day",
	} {
		r := b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&"+param)
		if !strings.HasPrefix(r.text("error.message"), "The sandbox does not ") {
			t.Errorf("%s: %s", param, r.Raw)
		}
	}
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/prices", "currency=usd&product=prod_456&unit_amount=1&recurring[interval]=month&recurring[usage_type]=metered")
}

func TestTheSubscriptionsOfADeletedCustomerEnd(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.shows(b.get("/v1/customers/"+b.customer, "expand[]=subscriptions"), map[string]string{"subscriptions.data.0.id": id})
	before := len(b.events())
	b.del("/v1/customers/" + b.customer)
	if got := b.since(before); !slices.Contains(got, "customer.subscription.deleted") {
		t.Errorf("events %v", got)
	}
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "canceled"})
	before = len(b.events())
	b.pass("90d")
	b.happened(before)
}

func TestASubscriptionEndsAtATimeThatIsSet(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	made := b.subscribe("items[0][price]=price_456&cancel_at=" + unixText(t, "2026-05-11T00:00:00Z"))
	b.shows(made, map[string]string{"cancel_at": unixText(t, "2026-05-11T00:00:00Z"), "status": "active"})
	b.pass("60d")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "canceled", "ended_at": unixText(t, "2026-05-11T00:00:00Z")})
	if got, want := b.amounts(made.text("id")), []string{"2000 paid", "2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
}
