package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// visit sends a form to a page of the sandbox, and returns where it leads.
func (b *box) visit(page string, form url.Values) (status int, location string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = response.Body.Close() // nothing of it is read
	return response.StatusCode, response.Header.Get("Location")
}

// TestACheckoutIsPaidOnItsPages: from the session through the page of the shop and of
// the bank to the events and their rows.
func TestACheckoutIsPaidOnItsPages(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	session := b.call("/checkout/sessions", map[string]any{
		"mode": "payment", "success_url": "https://shop.test/done?s={CHECKOUT_SESSION_ID}",
		"line_items": []any{map[string]any{"quantity": 2, "price_data": map[string]any{"currency": "usd", "unit_amount": 1250, "product_data": map[string]any{"name": "Book"}}}},
	})
	id, page := session.Text("id"), session.Text("url")
	status, bank := b.visit(page, url.Values{"outcome": {"pay"}, "payment_method": {"pm_card_threeDSecure2Required"}})
	if status != http.StatusSeeOther || !strings.Contains(bank, "/3d_secure/") {
		t.Fatalf("the shop: %d to %s", status, bank)
	}
	if status, back := b.visit(bank, url.Values{"outcome": {"authorize"}}); status != http.StatusSeeOther || !strings.HasPrefix(back, page) {
		t.Fatalf("the bank: %d to %s", status, back)
	}
	done := b.get("/checkout/sessions/" + id)
	if done.Text("status") != "complete" || done.Text("payment_status") != "paid" {
		t.Fatalf("%s", done.Body)
	}
	if got := counts(of(b.settle(), id)); got != "checkout.session.completed 1" {
		t.Errorf("the events of the session: %s", got)
	}
	if rows := b.payments(t); len(rows) != 1 || rows[0] != (payment{done.Text("payment_intent"), "integer", 2500}) {
		t.Errorf("the rows are %v", rows)
	}
}

// TestADisputeIsWonAndTheMoneyIsPaidOut: each step with its events and their rows.
func TestADisputeIsWonAndTheMoneyIsPaidOut(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	pay := func(method string) program.Response {
		return b.call("/payment-intents", map[string]any{
			"amount": 5000, "currency": "usd", "confirm": true, "payment_method": method,
			"automatic_payment_methods": map[string]any{"enabled": true, "allow_redirects": "never"},
		})
	}
	pay("pm_card_createDispute")
	dispute := b.get("/disputes").Text("data.0.id")
	won := b.call("/disputes/"+dispute, map[string]any{"evidence": map[string]any{"uncategorized_text": "winning_evidence"}})
	if won.Text("status") != "won" {
		t.Fatalf("%s", won.Body)
	}
	if got := counts(of(b.settle(), dispute)); got != "charge.dispute.closed 1, charge.dispute.created 1, charge.dispute.funds_reinstated 1, charge.dispute.funds_withdrawn 1, charge.dispute.updated 1" {
		t.Errorf("the events of the dispute: %s", got)
	}
	pay("pm_card_bypassPending")
	payout := b.call("/payouts", map[string]any{"amount": 4000, "currency": "usd"}).Text("id")
	if moved := b.advanced("3d"); moved["payout.paid"] != 1 {
		t.Errorf("three days made %v", moved)
	}
	if got := counts(of(b.settle(), payout)); got != "payout.created 1, payout.paid 1, payout.updated 1" {
		t.Errorf("the events of the payout: %s", got)
	}
}
