package sandbox

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// book is what the sessions of these tests sell.
const book = "&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=1250&line_items[0][price_data][product_data][name]=Book&line_items[0][quantity]=2"

// browse sends a form to a page, or reads it where there is none, and follows nothing.
func (b *box) browse(address string, form url.Values) (status int, location, html string) {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), string(raw)
}

func TestACheckoutSessionIsPaidOnItsPage(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/checkout/sessions", "mode=payment&success_url=https://shop.test/done?s={CHECKOUT_SESSION_ID}&client_reference_id=order_7&metadata[order]=7&payment_intent_data[metadata][order]=7"+book)
	b.shows(made, map[string]string{
		"status": "open", "payment_status": "unpaid", "amount_total": "2500", "currency": "usd", "mode": "payment", "payment_intent": "<null>",
		"client_reference_id": "order_7", "metadata.order": "7",
	})
	id, page := made.text("id"), made.text("url")
	if !strings.HasPrefix(page, b.URL()+"/checkout/") {
		t.Fatalf("the page is at %s", page)
	}
	b.shows(b.get("/v1/checkout/sessions/"+id+"/line_items", ""), map[string]string{"data.#": "1", "data.0.description": "Book", "data.0.quantity": "2", "data.0.amount_total": "2500"})
	b.shows(b.get("/v1/checkout/sessions/"+id, "expand[0]=line_items"), map[string]string{"line_items.data.0.description": "Book"})
	if status, _, html := b.browse(page, nil); status != http.StatusOK || !strings.Contains(html, "Book") || !strings.Contains(html, "$25.00") {
		t.Errorf("the page: %d %s", status, html)
	}

	// A decline leaves it open, and its payment can be tried again.
	if status, _, html := b.browse(page, url.Values{"outcome": {"fail"}}); status != http.StatusOK || !strings.Contains(html, "declined") {
		t.Errorf("a decline: %d %s", status, html)
	}
	failed := b.get("/v1/checkout/sessions/"+id, "")
	b.shows(failed, map[string]string{"status": "open", "payment_status": "unpaid"})
	status, location, html := b.browse(page, url.Values{"outcome": {"pay"}, "email": {"ann@example.com"}})
	if status != http.StatusSeeOther || location != "https://shop.test/done?s="+id {
		t.Fatalf("paying: %d to %s: %s", status, location, html)
	}
	done := b.get("/v1/checkout/sessions/"+id, "expand[0]=payment_intent")
	b.shows(done, map[string]string{
		"status": "complete", "payment_status": "paid", "url": "<null>", "customer_details.email": "ann@example.com",
		"payment_intent.status": "succeeded", "payment_intent.amount": "2500", "payment_intent.metadata.order": "7", "payment_intent.id": failed.text("payment_intent"),
	})
	want := []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}
	if got := b.after("product.created"); !slices.Equal(got[len(got)-len(want):], want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if status, location, _ := b.browse(page, nil); status != http.StatusSeeOther || !strings.Contains(location, "shop.test") {
		t.Errorf("the page again: %d to %s", status, location)
	}
	if status, _, _ := b.browse(page, url.Values{"outcome": {"pay"}}); status != http.StatusConflict {
		t.Errorf("paying twice: %d", status)
	}
	b.shows(b.get("/v1/checkout/sessions", "payment_intent="+done.text("payment_intent.id")), map[string]string{"data.#": "1"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/checkout/sessions/"+id+"/expire", "")
}

func TestACheckoutSessionGoesThroughTheBanksPage(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/checkout/sessions", "mode=payment&success_url=https://shop.test/done"+book)
	page := made.text("url")
	status, bank, html := b.browse(page, url.Values{"outcome": {"pay"}, "payment_method": {"pm_card_threeDSecure2Required"}})
	if status != http.StatusSeeOther || !strings.Contains(bank, "/3d_secure/") {
		t.Fatalf("%d to %s: %s", status, bank, html)
	}
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), ""), map[string]string{"status": "open"})
	status, back, html := b.browse(bank, url.Values{"outcome": {"authorize"}})
	if status != http.StatusSeeOther || !strings.HasPrefix(back, page) {
		t.Fatalf("the bank: %d to %s: %s", status, back, html)
	}
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), ""), map[string]string{"status": "complete", "payment_status": "paid"})
	if status, location, _ := b.browse(back, nil); status != http.StatusSeeOther || location != "https://shop.test/done" {
		t.Errorf("back: %d to %s", status, location)
	}
}

func TestACheckoutSessionExpires(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	first, second := b.make("/v1/checkout/sessions", ""), b.make("/v1/checkout/sessions", "")
	b.shows(b.post("/v1/checkout/sessions/"+first+"/expire", ""), map[string]string{"status": "expired", "url": "<null>"})
	b.do("advance", `{"by":"25h"}`)
	b.shows(b.get("/v1/checkout/sessions/"+second, ""), map[string]string{"status": "expired", "payment_status": "unpaid"})
	count := 0
	for _, event := range b.events() {
		if event == "checkout.session.expired" {
			count++
		}
	}
	if count != 2 {
		t.Errorf("%d sessions expired", count)
	}
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/checkout/sessions", "mode=payment&success_url=https://a.b/c&expires_at=1"+book)
}

func TestACheckoutSessionBeginsASubscription(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/checkout/sessions", "mode=subscription&success_url=https://shop.test/done&line_items[0][price]=price_456&line_items[0][quantity]=2&customer_email=ann@example.com&subscription_data[metadata][plan]=gold")
	page := made.text("url")
	if status, _, html := b.browse(page, url.Values{"outcome": {"fail"}}); status != http.StatusPaymentRequired || !strings.Contains(html, "declined") {
		t.Errorf("a decline: %d %s", status, html)
	}
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), ""), map[string]string{"status": "open", "subscription": "<null>"})
	if status, location, html := b.browse(page, url.Values{"outcome": {"pay"}}); status != http.StatusSeeOther || location != "https://shop.test/done" {
		t.Fatalf("%d to %s: %s", status, location, html)
	}
	done := b.get("/v1/checkout/sessions/"+made.text("id"), "expand[0]=subscription&expand[1]=customer&expand[2]=invoice")
	b.shows(done, map[string]string{
		"status": "complete", "payment_status": "paid", "payment_intent": "<null>", "subscription.status": "active", "subscription.metadata.plan": "gold",
		"subscription.items.data.0.quantity": "2", "customer.email": "ann@example.com", "invoice.status": "paid",
	})
	events := b.events()
	for _, want := range []string{"customer.subscription.created", "invoice.paid", "checkout.session.completed"} {
		if !slices.Contains(events, want) {
			t.Errorf("no %s in %v", want, events)
		}
	}
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/checkout/sessions", "mode=payment&success_url=https://a.b/c&line_items[0][price]=price_456&line_items[0][quantity]=1")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/checkout/sessions", "mode=subscription&success_url=https://a.b/c"+book)
}

func TestASubscriptionInCheckoutGoesThroughTheBanksPage(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/checkout/sessions", "mode=subscription&success_url=https://shop.test/done&line_items[0][price]=price_456&line_items[0][quantity]=1")
	status, bank, html := b.browse(made.text("url"), url.Values{"outcome": {"pay"}, "payment_method": {"pm_card_threeDSecure2Required"}})
	if status != http.StatusSeeOther || !strings.Contains(bank, "/3d_secure/") {
		t.Fatalf("%d to %s: %s", status, bank, html)
	}
	b.browse(bank, url.Values{"outcome": {"authorize"}})
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), "expand[0]=subscription"), map[string]string{"status": "complete", "payment_status": "paid", "subscription.status": "active"})
}

func TestACheckoutSessionKeepsACard(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/checkout/sessions", "mode=setup&success_url=https://shop.test/done&customer=cus_123")
	b.shows(made, map[string]string{"payment_status": "no_payment_required", "amount_total": "<null>"})
	if status, location, html := b.browse(made.text("url"), url.Values{"outcome": {"pay"}}); status != http.StatusSeeOther || location != "https://shop.test/done" {
		t.Fatalf("%d to %s: %s", status, location, html)
	}
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), "expand[0]=setup_intent"), map[string]string{"status": "complete", "setup_intent.status": "succeeded", "setup_intent.customer": "cus_123"})
	if events := b.events(); !slices.Contains(events, "checkout.session.completed") || !slices.Contains(events, "setup_intent.succeeded") {
		t.Errorf("events %v", events)
	}
}

func TestADiscountInCheckoutIsTakenOff(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	coupon := b.make("/v1/coupons", "")
	b.shows(b.post("/v1/checkout/sessions", "mode=payment&success_url=https://a.b/c&discounts[0][coupon]="+coupon+book), map[string]string{
		"amount_subtotal": "2500", "amount_total": "2000", "total_details.amount_discount": "500",
	})
	free := b.post("/v1/coupons", "percent_off=100&duration=once").text("id")
	made := b.post("/v1/checkout/sessions", "mode=payment&success_url=https://a.b/c&discounts[0][coupon]="+free+book)
	b.browse(made.text("url"), url.Values{"outcome": {"pay"}})
	b.shows(b.get("/v1/checkout/sessions/"+made.text("id"), ""), map[string]string{"status": "complete", "payment_status": "no_payment_required", "payment_intent": "<null>"})
}

func TestAPaymentLinkBeginsASessionForEachCustomer(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	price := b.make("/v1/prices", "")
	link := b.post("/v1/payment_links", "metadata[shop]=1&after_completion[type]=redirect&after_completion[redirect][url]=https://shop.test/thanks&line_items[0][quantity]=3&line_items[0][price]="+price)
	id, page := link.text("id"), link.text("url")
	b.shows(link, map[string]string{"active": "true", "currency": "usd", "metadata.shop": "1", "after_completion.redirect.url": "https://shop.test/thanks"})
	b.shows(b.get("/v1/payment_links/"+id+"/line_items", ""), map[string]string{"data.#": "1", "data.0.quantity": "3", "data.0.amount_total": "1500"})
	if status, _, html := b.browse(page, nil); status != http.StatusOK || !strings.Contains(html, "Book") {
		t.Errorf("the page: %d %s", status, html)
	}
	for range 2 {
		status, session, html := b.browse(page, url.Values{"outcome": {"begin"}})
		if status != http.StatusSeeOther || !strings.Contains(session, "/checkout/") {
			t.Fatalf("%d to %s: %s", status, session, html)
		}
		if status, location, html := b.browse(session, url.Values{"outcome": {"pay"}}); status != http.StatusSeeOther || location != "https://shop.test/thanks" {
			t.Fatalf("%d to %s: %s", status, location, html)
		}
	}
	b.shows(b.get("/v1/checkout/sessions", "payment_link="+id), map[string]string{"data.#": "2", "data.0.status": "complete", "data.1.payment_status": "paid", "data.0.metadata.shop": "1"})
	b.shows(b.post("/v1/payment_links/"+id, "active=false&inactive_message=Sold+out"), map[string]string{"active": "false"})
	b.browse(page, url.Values{"outcome": {"begin"}})
	b.shows(b.get("/v1/checkout/sessions", "payment_link="+id), map[string]string{"data.#": "2"})
	b.shows(b.get("/v1/payment_links", "active=false"), map[string]string{"data.#": "1"})
	if events := b.events(); !slices.Contains(events, "payment_link.created") || !slices.Contains(events, "payment_link.updated") {
		t.Errorf("events %v", events)
	}
}

func TestThePortalCancelsASubscription(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/billing_portal/sessions", "customer=cus_123&return_url=https://shop.test/account")
	b.shows(made, map[string]string{"customer": "cus_123", "return_url": "https://shop.test/account"})
	b.shows(b.get("/v1/billing_portal/configurations/"+made.text("configuration"), ""), map[string]string{"is_default": "true"})
	page := made.text("url")
	if status, _, html := b.browse(page, nil); status != http.StatusOK || !strings.Contains(html, "sub_789") || !strings.Contains(html, "shop.test") {
		t.Errorf("%d %s", status, html)
	}
	if status, _, html := b.browse(page, url.Values{"outcome": {"sub_789"}}); status != http.StatusOK || !strings.Contains(html, "ends with its period") {
		t.Errorf("%d %s", status, html)
	}
	b.shows(b.get("/v1/subscriptions/sub_789", ""), map[string]string{"cancel_at_period_end": "true"})
	b.refused(400, "resource_missing", http.MethodPost, "/v1/billing_portal/sessions", "customer=cus_absent")

	own := b.post("/v1/billing_portal/configurations", "business_profile[headline]=Shop&features[invoice_history][enabled]=true").text("id")
	closed := b.post("/v1/billing_portal/sessions", "customer=cus_123&configuration="+own).text("url")
	if status, _, _ := b.browse(closed, url.Values{"outcome": {"sub_789"}}); status != http.StatusBadRequest {
		t.Errorf("canceling where the configuration forbids it: %d", status)
	}
}

func TestPagesOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, path := range []string{"/checkout/-/cs_test_absent", "/checkout/-", "/checkout/-/a/b", "/pay/-/plink_absent", "/portal/-/bps_absent"} {
		if status, _, _ := b.browse(b.URL()+path, nil); status != http.StatusNotFound && path != "/checkout/-" {
			t.Errorf("%s: %d", path, status)
		}
		if status, _, _ := b.browse(b.URL()+path, url.Values{"outcome": {"pay"}}); status < 400 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
}
