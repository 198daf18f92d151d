package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestPaymentMethodsOfCardNumbers(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	const rest = "&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123"
	made := b.post("/v1/payment_methods", "type=card&card[number]=5555 5555 5555 4444"+rest+"&billing_details[name]=Ann&metadata[a]=b")
	b.shows(made, map[string]string{"card.brand": "mastercard", "card.last4": "4444", "card.exp_year": "2040", "customer": "<null>", "billing_details.name": "Ann", "billing_details.address.city": "<null>", "metadata.a": "b"})
	if strings.Contains(string(made.Raw), "5555555555554444") {
		t.Error("the number is shown")
	}
	b.shows(b.post("/v1/payment_methods", "type=card&card[token]=tok_amex"), map[string]string{"card.brand": "amex"})
	for form, code := range map[string]string{
		"card[number]=4242424242424241" + rest:                                             "incorrect_number",
		"card[number]=4242424242424242&card[exp_month]=13&card[exp_year]=2040":             "invalid_expiry_month",
		"card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=1999":             "invalid_expiry_year",
		"card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040&card[cvc]=1": "invalid_cvc",
		"card[number]=4929420573595709" + rest:                                             "card_declined",
	} {
		b.refused(402, code, http.MethodPost, "/v1/payment_methods", "type=card&"+form)
	}
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/payment_methods", "billing_details[name]=Ann")
}

func TestAttachAndDetach(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	id := b.post("/v1/customers", "email=a@b.c").text("id")
	method := b.post("/v1/payment_methods/pm_card_visa/attach", "customer="+id).text("id")
	b.refused(402, "card_declined", http.MethodPost, "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer="+id)
	b.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", "customer="+id)
	b.refused(400, "payment_method_already_attached", http.MethodPost, "/v1/payment_methods/"+method+"/attach", "customer=cus_123")
	b.refused(400, "resource_missing", http.MethodPost, "/v1/payment_methods/"+method+"/attach", "customer=cus_no")
	b.refused(404, "resource_missing", http.MethodPost, "/v1/payment_methods/pm_no/attach", "customer="+id)
	b.post("/v1/customers/"+id, "invoice_settings[default_payment_method]="+method)
	b.refused(400, "resource_missing", http.MethodPost, "/v1/customers/cus_123", "invoice_settings[default_payment_method]="+method)
	r := b.refused(400, "resource_missing", http.MethodPost, "/v1/customers/cus_123", "invoice_settings[default_payment_method]=pm_card_visa") // a new one
	b.shows(r, map[string]string{"error.message": "The customer does not have a payment method with the ID pm_card_visa. The payment method must be attached to the customer."})
	b.shows(b.get("/v1/payment_methods", "type=card&customer="+id), map[string]string{"data.#": "2", "data.1.id": method})
	b.shows(b.get("/v1/customers/"+id, "expand[]=invoice_settings.default_payment_method"), map[string]string{"invoice_settings.default_payment_method.card.last4": "4242"})
	b.post("/v1/payment_methods/"+method, "billing_details[address][city]=Bonn&card[exp_year]=2041")
	b.shows(b.get("/v1/payment_methods/"+method, ""), map[string]string{"billing_details.address.city": "Bonn", "card.exp_year": "2041"})

	b.shows(b.post("/v1/payment_methods/"+method+"/detach", ""), map[string]string{"customer": "<null>"})
	b.shows(b.get("/v1/customers/"+id, ""), map[string]string{"invoice_settings.default_payment_method": "<null>"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/payment_methods/"+method+"/detach", "")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/payment_intents", "amount=2000&currency=usd&payment_method="+method)
	want := []string{"customer.created", "payment_method.attached", "payment_method.attached", "customer.updated", "payment_method.updated", "customer.updated", "payment_method.detached"}
	if got := b.events(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	b.shows(b.get("/v1/events", "type=payment_method.detached"), map[string]string{"data.0.data.previous_attributes.customer": id})
}

func TestSetupIntents(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/setup_intents", "customer=cus_123")
	id := made.text("id")
	b.shows(made, map[string]string{"status": "requires_payment_method", "usage": "off_session", "customer": "cus_123"})
	b.refused(400, "setup_intent_unexpected_state", http.MethodPost, "/v1/setup_intents/"+id+"/confirm", "")
	r := b.refused(402, "card_declined", http.MethodPost, "/v1/setup_intents/"+id+"/confirm", "payment_method=pm_card_chargeDeclined")
	b.shows(r, map[string]string{"error.setup_intent.status": "requires_payment_method", "error.setup_intent.last_setup_error.code": "card_declined"})
	done := b.post("/v1/setup_intents/"+id+"/confirm", "payment_method=pm_card_visa&expand[]=payment_method")
	b.shows(done, map[string]string{"status": "succeeded", "payment_method.customer": "cus_123", "last_setup_error": "<null>"})
	b.refused(400, "setup_intent_unexpected_state", http.MethodPost, "/v1/setup_intents/"+id+"/cancel", "")
	b.shows(b.get("/v1/setup_attempts", "setup_intent="+id), map[string]string{"data.#": "2", "data.0.status": "succeeded", "data.1.status": "failed"})

	asked := b.post("/v1/setup_intents", "confirm=true&payment_method=pm_card_threeDSecure2Required")
	b.answer(asked, "fail")
	b.shows(b.get("/v1/setup_intents/"+asked.text("id"), ""), map[string]string{"status": "requires_payment_method", "last_setup_error.code": "setup_intent_authentication_failure"})
	b.shows(b.post("/v1/setup_intents/"+asked.text("id")+"/cancel", "cancellation_reason=abandoned"), map[string]string{"status": "canceled"})
	want := []string{
		"setup_intent.created", "setup_intent.setup_failed", "payment_method.attached", "setup_intent.succeeded",
		"setup_intent.created", "setup_intent.requires_action", "setup_intent.setup_failed", "setup_intent.canceled",
	}
	if got := b.events(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestTokensCardsAndCharges(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	token := b.post("/v1/tokens", "card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2040").text("id")
	charge := b.post("/v1/charges", "amount=700&currency=usd&source="+token)
	b.shows(charge, map[string]string{"status": "succeeded", "captured": "true", "payment_method_details.card.brand": "visa"})
	b.refused(400, "token_already_used", http.MethodPost, "/v1/charges", "amount=700&currency=usd&source="+token)
	b.refused(402, "card_declined", http.MethodPost, "/v1/charges", "amount=700&currency=usd&source=tok_chargeDeclined")
	held := b.post("/v1/charges", "amount=700&currency=usd&source=tok_visa&capture=false").text("id")
	b.shows(b.post("/v1/charges/"+held+"/capture", "amount=300"), map[string]string{"captured": "true", "amount_captured": "300"})
	b.refused(400, "charge_already_captured", http.MethodPost, "/v1/charges/"+held+"/capture", "")

	customer := b.post("/v1/customers", "source=tok_mastercard").text("id")
	b.shows(b.get("/v1/customers/"+customer, "expand[]=default_source&expand[]=sources"), map[string]string{"default_source.brand": "MasterCard", "sources.data.#": "1"})
	b.shows(b.post("/v1/charges", "amount=700&currency=usd&customer="+customer), map[string]string{"payment_method_details.card.brand": "mastercard"})
	b.shows(b.get("/v1/charges/search", "query=payment_method_details.card.brand:'mastercard'"), map[string]string{"data.#": "1"})
}
