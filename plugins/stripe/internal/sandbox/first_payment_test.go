package sandbox

import (
	"net/http"
	"slices"
	"testing"
)

// https://docs.stripe.com/billing/subscriptions/overview: a first payment may take 23
// hours.
func TestAFirstPaymentThatDoesNotComeExpires(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "")
	b.refused(400, "resource_missing", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456")
	before := len(b.events())
	made := b.subscribe("items[0][price]=price_456&payment_behavior=default_incomplete&expand[]=latest_invoice.payment_intent")
	b.shows(made, map[string]string{"status": "incomplete", "latest_invoice.status": "open", "latest_invoice.payment_intent.status": "requires_payment_method", "latest_invoice.amount_remaining": "2000"})
	b.happened(before, "customer.subscription.created", "invoice.created", "payment_intent.created", "invoice.finalized")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions/"+made.text("id"), "items[0][price]=price_456")
	b.pass("22h")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "incomplete"})
	b.pass("1h")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), "expand[]=latest_invoice.payment_intent"), map[string]string{
		"status": "incomplete_expired", "latest_invoice.status": "void", "latest_invoice.payment_intent.status": "canceled",
	})
	b.happened(before+4, "customer.subscription.updated", "invoice.updated", "payment_intent.canceled", "invoice.voided")
}

func TestAPageThatConfirmsTheFirstPaymentActivates(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "")
	made := b.subscribe("items[0][price]=price_456&payment_behavior=default_incomplete&payment_settings[save_default_payment_method]=on_subscription&expand[]=latest_invoice.payment_intent")
	intent := made.text("latest_invoice.payment_intent.id")
	b.refused(402, "card_declined", http.MethodPost, "/v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_visa_chargeDeclined")
	b.shows(b.get("/v1/invoices/"+made.text("latest_invoice.id"), ""), map[string]string{"status": "open", "attempt_count": "1"})
	b.post("/v1/payment_intents/"+intent+"/confirm", "payment_method=pm_card_visa")
	after := b.get("/v1/subscriptions/"+made.text("id"), "expand[]=latest_invoice&expand[]=default_payment_method")
	b.shows(after, map[string]string{"status": "active", "latest_invoice.status": "paid", "latest_invoice.attempt_count": "2", "default_payment_method.type": "card"})
	b.pass("30d2h")
	if got, want := b.amounts(made.text("id")), []string{"2000 paid", "2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
}

func TestAFirstPaymentThatFailsLeavesWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_chargeCustomerFail")
	before := len(b.events())
	b.refused(402, "card_declined", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&payment_behavior=error_if_incomplete")
	b.happened(before)
	b.shows(b.get("/v1/subscriptions", "customer="+b.customer+"&status=all"), map[string]string{"data.#": "0"})
	b.shows(b.subscribe("items[0][price]=price_456&expand[]=latest_invoice"), map[string]string{"status": "incomplete", "latest_invoice.status": "open", "latest_invoice.next_payment_attempt": "<null>"})
	b.happened(before, "customer.subscription.created", "invoice.created", "payment_intent.created", "invoice.finalized",
		"charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed")
	b.pass("23h")
	b.shows(b.get("/v1/subscriptions", "customer="+b.customer+"&status=all"), map[string]string{"data.0.status": "incomplete_expired"})
}

// https://docs.stripe.com/billing/subscriptions/overview#requires-action: the page asks
// the customer, and the subscription is active when the payment succeeds.
func TestAFirstPaymentThatAsksTheCustomer(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_threeDSecure2Required")
	before := len(b.events())
	made := b.subscribe("items[0][price]=price_456&expand[]=latest_invoice.payment_intent")
	b.shows(made, map[string]string{"status": "incomplete", "latest_invoice.status": "open", "latest_invoice.payment_intent.status": "requires_action"})
	b.happened(before, "customer.subscription.created", "invoice.created", "payment_intent.created", "invoice.finalized",
		"payment_intent.requires_action", "invoice.updated", "invoice.payment_action_required", "invoice.payment_failed")
	before = len(b.events())
	b.answer(reply{Body: made.Body["latest_invoice"].(map[string]any)["payment_intent"].(map[string]any)}, "authorize")
	b.happened(before, "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "customer.subscription.updated", "invoice.paid", "invoice.payment_succeeded")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "active"})

	// Nobody is there to be asked at the renewal.
	b.pass("29d")
	before = len(b.events())
	b.pass("2d")
	b.happened(before, "invoice.created", "customer.subscription.updated", "payment_intent.created", "invoice.finalized",
		"charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_action_required", "invoice.payment_failed", "customer.subscription.updated")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "past_due"})
}

func TestAFirstPaymentByBankDebitMayTakeDays(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "")
	debit := b.post("/v1/payment_methods", "type=sepa_debit&sepa_debit[iban]=DE89370400440532013000&billing_details[name]=Ann&billing_details[email]=a@b.c").text("id")
	b.post("/v1/payment_methods/"+debit+"/attach", "customer="+b.customer)
	euro := b.post("/v1/prices", "currency=eur&unit_amount=3000&recurring[interval]=month&product=prod_456").text("id")
	made := b.subscribe("items[0][price]=" + euro + "&payment_settings[payment_method_types][0]=sepa_debit&default_payment_method=" + debit)
	b.shows(made, map[string]string{"status": "incomplete"})
	b.pass("2d")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"status": "incomplete"})
	b.pass("3d")
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), "expand[]=latest_invoice"), map[string]string{"status": "active", "latest_invoice.status": "paid", "latest_invoice.charge": b.get("/v1/charges", "customer="+b.customer).text("data.0.id")})
}

func TestATrialAsksForACardByASetupIntent(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-05-01T00:00:00Z", "")
	made := b.subscribe("items[0][price]=price_456&trial_period_days=14&expand[]=pending_setup_intent")
	b.shows(made, map[string]string{"status": "trialing", "pending_setup_intent.status": "requires_payment_method", "pending_setup_intent.customer": b.customer})
	before := len(b.events())
	b.post("/v1/setup_intents/"+made.text("pending_setup_intent.id")+"/confirm", "payment_method=pm_card_visa")
	if got := b.since(before); !slices.Contains(got, "setup_intent.succeeded") || got[len(got)-1] != "customer.subscription.updated" {
		t.Errorf("events %v", got)
	}
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), "expand[]=default_payment_method"), map[string]string{"pending_setup_intent": "<null>", "default_payment_method.card.last4": "4242"})
	b.pass("14d2h")
	if got, want := b.amounts(made.text("id")), []string{"0 paid", "2000 paid"}; !slices.Equal(got, want) {
		t.Errorf("invoices %v, want %v", got, want)
	}
}
