package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAPaymentWithAGoodCard(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/payment_intents", "amount=2000&currency=USD&customer=cus_123&metadata[order]=7")
	id := made.text("id")
	b.shows(made, map[string]string{
		"status": "requires_payment_method", "amount": "2000", "currency": "usd", "customer": "cus_123", "canceled_at": "<null>",
		"automatic_payment_methods.enabled": "true", "metadata.order": "7", "latest_charge": "<null>", "amount_received": "0",
	})
	if !strings.HasPrefix(made.text("client_secret"), id+"_secret_") {
		t.Error(made.text("client_secret"))
	}
	b.shows(b.post("/v1/payment_intents/"+id, "payment_method=pm_card_visa"), map[string]string{"status": "requires_confirmation"})
	paid := b.post("/v1/payment_intents/"+id+"/confirm", "expand[]=latest_charge.balance_transaction&expand[]=customer")
	b.shows(paid, map[string]string{
		"status": "succeeded", "amount_received": "2000", "customer.id": "cus_123",
		"latest_charge.status": "succeeded", "latest_charge.paid": "true", "latest_charge.captured": "true", "latest_charge.payment_intent": id,
		"latest_charge.metadata.order": "7", "latest_charge.payment_method_details.card.last4": "4242",
		"latest_charge.balance_transaction.amount": "2000", "latest_charge.balance_transaction.fee": "88", "latest_charge.balance_transaction.net": "1912",
		"latest_charge.balance_transaction.status": "pending",
	})
	b.shows(b.get("/v1/payment_intents/"+id, ""), map[string]string{"status": "succeeded", "customer": "cus_123"})
	if got, want := b.events(), []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	for path, form := range map[string]string{"/confirm": "", "/cancel": "", "/capture": "", "": "amount=100"} {
		r := b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/payment_intents/"+id+path, form)
		b.shows(r, map[string]string{"error.payment_intent.id": id})
	}
	b.shows(b.post("/v1/payment_intents/"+id, "metadata[size]=L"), map[string]string{"metadata": `{"order":"7","size":"L"}`})
}

func TestEachTestCardIsDeclinedAsStripeDeclinesIt(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for method, want := range map[string][2]string{
		"pm_card_visa_chargeDeclined":                      {"card_declined", "generic_decline"},
		"pm_card_visa_chargeDeclinedInsufficientFunds":     {"card_declined", "insufficient_funds"},
		"pm_card_visa_chargeDeclinedLostCard":              {"card_declined", "lost_card"},
		"pm_card_visa_chargeDeclinedStolenCard":            {"card_declined", "stolen_card"},
		"pm_card_chargeDeclinedExpiredCard":                {"expired_card", ""},
		"pm_card_chargeDeclinedIncorrectCvc":               {"incorrect_cvc", ""},
		"pm_card_chargeDeclinedProcessingError":            {"processing_error", ""},
		"pm_card_visa_chargeDeclinedVelocityLimitExceeded": {"card_declined", "card_velocity_exceeded"},
		"pm_card_radarBlock":                               {"card_declined", "fraudulent"},
		"pm_card_chargeCustomerFail":                       {"card_declined", "generic_decline"},
	} {
		r := b.refused(402, want[0], http.MethodPost, "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method="+method)
		decline := want[1]
		if decline == "" {
			decline = "<none>"
		}
		b.shows(r, map[string]string{"error.type": "card_error", "error.decline_code": decline, "error.payment_intent.status": "requires_payment_method"})
		id := r.text("error.payment_intent.id")
		now := b.get("/v1/payment_intents/"+id, "expand[]=latest_charge")
		b.shows(now, map[string]string{
			"status": "requires_payment_method", "payment_method": "<null>", "last_payment_error.code": want[0],
			"latest_charge.status": "failed", "latest_charge.id": r.text("error.charge"), "latest_charge.failure_code": want[0], "latest_charge.balance_transaction": "<null>",
		})
		// Another card may pay still.
		b.shows(b.post("/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_mastercard"), map[string]string{"status": "succeeded", "last_payment_error": "<null>"})
	}
	want := []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed", "charge.succeeded", "payment_intent.succeeded"}
	if got := b.events()[:5]; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestAmountsAndCurrenciesThatStripeRefuses(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for form, want := range map[string]string{
		"amount=49&currency=usd":                    "amount_too_small",
		"amount=49&currency=jpy":                    "amount_too_small",
		"amount=29&currency=gbp":                    "amount_too_small",
		"amount=-5&currency=usd":                    "parameter_invalid_integer",
		"amount=abc&currency=usd":                   "parameter_invalid_integer",
		"amount=1e3&currency=usd":                   "parameter_invalid_integer",
		"amount=100000000&currency=usd":             "amount_too_large",
		"amount=1001&currency=kwd":                  "parameter_invalid_integer",
		"amount=1000&currency=xyz":                  "invalid_request_error",
		"currency=usd":                              "parameter_missing",
		"amount=1000":                               "parameter_missing",
		"amount=1000&currency=usd&amuont=1":         "parameter_unknown",
		"amount=1000&currency=usd&customer=cus_no":  "resource_missing",
		"amount=1000&currency=usd&capture_method=x": "invalid_request_error",
		"amount=1000&currency=usd&payment_method=x": "resource_missing",
		"amount=1000&currency=usd&off_session=true": "invalid_request_error",
		"amount=1000&currency=usd&confirm=true":     "payment_intent_unexpected_state",
	} {
		b.refused(400, want, http.MethodPost, "/v1/payment_intents", form)
	}
	for _, form := range []string{"amount=50&currency=usd", "amount=50&currency=jpy", "amount=30&currency=gbp", "amount=1000&currency=kwd", "amount=99999999&currency=usd"} {
		b.post("/v1/payment_intents", form)
	}
	// One more is the payment of the seed's subscription.
	if n := b.get("/v1/payment_intents", "limit=100").text("data.#"); n != "6" {
		t.Errorf("%s payment intents are left of those and of what was refused", n)
	}
}

func TestAuthorizeAndCapture(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	held := b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual")
	id := held.text("id")
	b.shows(held, map[string]string{"status": "requires_capture", "amount_capturable": "2000", "amount_received": "0"})
	b.refused(400, "amount_too_large", http.MethodPost, "/v1/payment_intents/"+id+"/capture", "amount_to_capture=2001")
	b.shows(b.post("/v1/payment_intents/"+id+"/capture", "amount_to_capture=1500&expand[]=latest_charge"), map[string]string{
		"status": "succeeded", "amount_received": "1500", "amount_capturable": "0", "latest_charge.amount_captured": "1500", "latest_charge.captured": "true",
	})
	if got, want := b.events(), []string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}

	// What is not captured in seven days goes back.
	id = b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual").text("id")
	b.do("advance", `{"by":"6d23h"}`)
	b.shows(b.get("/v1/payment_intents/"+id, ""), map[string]string{"status": "requires_capture"})
	moved := b.do("advance", `{"by":"2h"}`)
	b.shows(moved, map[string]string{"events": `{"charge.expired":1,"payment_intent.canceled":1}`})
	b.shows(b.get("/v1/payment_intents/"+id, "expand[]=latest_charge"), map[string]string{"status": "canceled", "cancellation_reason": "automatic", "latest_charge.refunded": "true"})
}

func TestCancelAPayment(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	id := b.post("/v1/payment_intents", "amount=2000&currency=usd").text("id")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/payment_intents/"+id+"/cancel", "cancellation_reason=whim")
	r := b.post("/v1/payment_intents/"+id+"/cancel", "cancellation_reason=abandoned")
	b.shows(r, map[string]string{"status": "canceled", "cancellation_reason": "abandoned"})
	if r.text("canceled_at") == "<null>" {
		t.Error("no canceled_at")
	}
	b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/payment_intents/"+id+"/cancel", "")
	b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_visa")

	id = b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual").text("id")
	b.shows(b.post("/v1/payment_intents/"+id+"/cancel", "expand[]=latest_charge"), map[string]string{"status": "canceled", "amount_capturable": "0", "latest_charge.refunded": "true"})
}

// answer opens the page of an intent and chooses an outcome there.
func (b *box) answer(intent reply, outcome string) *http.Response {
	b.t.Helper()
	page := intent.text("next_action.redirect_to_url.url")
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	shown, err := client.Get(page)
	if err != nil {
		b.t.Fatal(err)
	}
	if shown.StatusCode != 200 || !strings.HasPrefix(shown.Header.Get("Content-Type"), "text/html") {
		b.t.Errorf("the page: %d %s", shown.StatusCode, shown.Header.Get("Content-Type"))
	}
	_ = shown.Body.Close()
	done, err := client.PostForm(page, url.Values{"outcome": {outcome}})
	if err != nil {
		b.t.Fatal(err)
	}
	_ = done.Body.Close()
	return done
}

func TestACardThatAsksItsHolder(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	const start = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_threeDSecure2Required&return_url=https://shop.example/done?cart=1"
	asked := b.post("/v1/payment_intents", start)
	id := asked.text("id")
	b.shows(asked, map[string]string{"status": "requires_action", "next_action.type": "redirect_to_url", "next_action.redirect_to_url.return_url": "https://shop.example/done?cart=1", "latest_charge": "<null>"})
	done := b.answer(asked, "authorize")
	to, err := url.Parse(done.Header.Get("Location"))
	if err != nil || done.StatusCode != http.StatusSeeOther || to.Host != "shop.example" || to.Query().Get("cart") != "1" ||
		to.Query().Get("payment_intent") != id || to.Query().Get("redirect_status") != "succeeded" {
		t.Errorf("%d %v %v", done.StatusCode, to, err)
	}
	b.shows(b.get("/v1/payment_intents/"+id, ""), map[string]string{"status": "succeeded", "next_action": "<null>"})
	if again := b.answer(asked, "fail"); again.StatusCode != http.StatusConflict {
		t.Errorf("a second answer: %d", again.StatusCode)
	}

	asked = b.post("/v1/payment_intents", start)
	b.answer(asked, "fail")
	b.shows(b.get("/v1/payment_intents/"+asked.text("id"), ""), map[string]string{"status": "requires_payment_method", "last_payment_error.code": "payment_intent_authentication_failure"})

	asked = b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=pm_card_threeDSecureRequiredChargeDeclined")
	b.answer(asked, "authorize")
	b.shows(b.get("/v1/payment_intents/"+asked.text("id"), ""), map[string]string{"status": "requires_payment_method", "last_payment_error.code": "card_declined"})

	want := []string{
		"payment_intent.created", "payment_intent.requires_action", "charge.succeeded", "payment_intent.succeeded",
		"payment_intent.created", "payment_intent.requires_action", "payment_intent.payment_failed",
		"payment_intent.created", "payment_intent.requires_action", "charge.failed", "payment_intent.payment_failed",
	}
	if got := b.events(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}

	wrong := asked
	wrong.Body["next_action"].(map[string]any)["redirect_to_url"].(map[string]any)["url"] = b.URL() + "/3d_secure/-/" + id + "/guessed"
	response, err := http.PostForm(wrong.text("next_action.redirect_to_url.url"), url.Values{"outcome": {"authorize"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("a guessed secret: %d", response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestPaymentsWithoutTheCustomer(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	attach := func(card string) string {
		return b.post("/v1/payment_methods/"+card+"/attach", "customer=cus_123").text("id")
	}
	const off = "amount=2000&currency=usd&customer=cus_123&confirm=true&off_session=true&payment_method="
	r := b.refused(402, "authentication_required", http.MethodPost, "/v1/payment_intents", off+attach("pm_card_authenticationRequired"))
	b.shows(r, map[string]string{"error.decline_code": "authentication_required", "error.payment_intent.status": "requires_payment_method"})
	r = b.refused(402, "authentication_required", http.MethodPost, "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&error_on_requires_action=true&payment_method=pm_card_threeDSecure2Required")
	b.shows(r, map[string]string{"error.charge": "<none>"})

	b.shows(b.post("/v1/payment_intents", off+attach("pm_card_authenticationRequiredSetupForOffSession")), map[string]string{"status": "succeeded"})

	onSetup := attach("pm_card_authenticationRequiredOnSetup")
	b.refused(402, "authentication_required", http.MethodPost, "/v1/payment_intents", off+onSetup)
	setup := b.post("/v1/setup_intents", "customer=cus_123&confirm=true&payment_method="+onSetup)
	b.shows(setup, map[string]string{"status": "requires_action"})
	b.answer(setup, "authorize")
	b.shows(b.get("/v1/setup_intents/"+setup.text("id"), "expand[]=latest_attempt"), map[string]string{"status": "succeeded", "latest_attempt.status": "succeeded"})
	b.shows(b.post("/v1/payment_intents", off+onSetup), map[string]string{"status": "succeeded"})
}

func TestSetupFutureUsageKeepsTheCard(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	id := b.post("/v1/customers", "name=Ann").text("id")
	paid := b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&setup_future_usage=off_session&payment_method=pm_card_visa&customer="+id)
	b.shows(b.get("/v1/payment_methods/"+paid.text("payment_method"), ""), map[string]string{"customer": id})
	b.shows(b.get("/v1/customers/"+id+"/payment_methods", ""), map[string]string{"data.#": "1", "data.0.id": paid.text("payment_method")})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method="+paid.text("payment_method"))
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/payment_intents", "amount=2000&currency=usd&customer=cus_123&payment_method="+paid.text("payment_method"))
}

func TestABankDebitTakesDays(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	r := b.post("/v1/payment_intents", "amount=2000&currency=eur&confirm=true&payment_method_types[]=sepa_debit&payment_method_data[type]=sepa_debit&payment_method_data[sepa_debit][iban]=DE89370400440532013000&payment_method_data[billing_details][name]=Ann&payment_method_data[billing_details][email]=a@b.c")
	b.shows(r, map[string]string{"status": "processing"})
	b.do("advance", `{"by":"5d"}`)
	b.shows(b.get("/v1/payment_intents/"+r.text("id"), "expand[]=latest_charge"), map[string]string{"status": "succeeded", "latest_charge.payment_method_details.sepa_debit.last4": "3000"})
	if strings.Contains(string(b.get("/v1/payment_methods/"+r.text("payment_method"), "").Raw), "DE89370400440532013000") {
		t.Error("the number of the account is shown")
	}
}

func TestSearchPaymentIntents(t *testing.T) {
	t.Parallel()
	b := open(t, Options{}) // with the payment of the seed's subscription: 2000 usd of cus_123
	for _, form := range []string{"amount=1000&currency=usd&metadata[order]=a", "amount=2000&currency=eur&metadata[order]=b&customer=cus_123", "amount=3000&currency=usd&metadata[order]=it's"} {
		b.post("/v1/payment_intents", form)
	}
	for query, want := range map[string]string{
		`metadata['order']:'a'`:                                   "1",
		`metadata["order"]:"it's"`:                                "1",
		`metadata['order']:'it\'s'`:                               "1",
		`amount>1000`:                                             "3",
		`amount>=1000 AND currency:'usd'`:                         "3",
		`currency:'usd' -metadata['order']:'a'`:                   "2",
		`currency:'eur' OR amount:1000`:                           "2",
		`status:'requires_payment_method'`:                        "3",
		`-status:'requires_payment_method'`:                       "1",
		`customer:'cus_123'`:                                      "2",
		`customer:null`:                                           "2",
		`created>1700000000 AND status:'requires_payment_method'`: "3",
	} {
		if got := b.get("/v1/payment_intents/search", "query="+query).text("data.#"); got != want {
			t.Errorf("%s finds %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{`amount~'1000'`, `nothing:'x'`, `status:succeeded`, `currency:'usd' AND amount:1000 OR amount:2000`, `metadata:'a'`, `status:'x`, `status:'x' AND`, `amount>'a'`, ``} {
		b.refused(400, map[bool]string{true: "parameter_missing", false: "invalid_request_error"}[query == ""], http.MethodGet, "/v1/payment_intents/search", "query="+query)
	}
	first := b.get("/v1/payment_intents/search", "query=status:'requires_payment_method'&limit=2")
	b.shows(first, map[string]string{"has_more": "true", "object": "search_result", "data.0.amount": "3000", "data.1.amount": "2000"})
	b.shows(b.get("/v1/payment_intents/search", "query=status:'requires_payment_method'&limit=2&expand[]=total_count&page="+first.text("next_page")), map[string]string{"has_more": "false", "data.#": "1", "data.0.amount": "1000", "next_page": "<null>", "total_count": "3"})
}
