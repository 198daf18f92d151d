package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// TestThePaymentsOfAShopRunInDevFromAnEmptyFolder: from the payment through the
// confirmation and the signed webhook to the row, with nothing but loopback.
func TestThePaymentsOfAShopRunInDevFromAnEmptyFolder(t *testing.T) {
	t.Parallel()
	all := newBox(t)
	pay := func(b *box, amount int, method string) (id string, confirmed program.Response) {
		b.t.Helper()
		intent := b.call("/payment-intents", map[string]any{"amount": amount, "currency": "usd", "customer": "cus_123"})
		if intent.Text("status") != "requires_payment_method" {
			b.t.Fatalf("a new payment: %s", intent.Body)
		}
		id = intent.Text("id")
		return id, b.post("/payment-intents/"+id+"/confirm", map[string]any{"payment_method": method, "return_url": "http://127.0.0.1/back"})
	}
	paid := func(b *box, id string) (rows int) {
		b.t.Helper()
		for _, row := range b.payments(b.t) {
			if row.stripeID == id {
				rows++
			}
		}
		return rows
	}
	t.Run("a good card", func(t *testing.T) {
		b := all.in(t)
		id, confirmed := pay(b, 2000, "pm_card_visa")
		if confirmed.Status != 200 || confirmed.Text("status") != "succeeded" || confirmed.Text("latest_charge") == "" {
			t.Fatalf("%d %s", confirmed.Status, confirmed.Body)
		}
		events := b.settle()
		if got := counts(of(events, id)); got != "payment_intent.created 1, payment_intent.succeeded 1" {
			t.Errorf("the events of the payment: %s", got)
		}
		if got := counts(of(events, confirmed.Text("latest_charge"))); got != "charge.succeeded 1" {
			t.Errorf("the events of its charge: %s", got)
		}
		if rows := b.payments(t); len(rows) != 1 || rows[0] != (payment{id, "integer", 2000}) {
			t.Errorf("the rows are %v", rows)
		}
	})
	t.Run("a decline", func(t *testing.T) {
		b := all.in(t)
		id, declined := pay(b, 2100, "pm_card_chargeDeclined")
		if declined.Status != 402 || declined.Text("code") != "declined" || declined.Text("stripe.code") != "card_declined" || declined.Text("stripe.declineCode") != "generic_decline" {
			t.Fatalf("%d %s", declined.Status, declined.Body)
		}
		if got := counts(of(b.settle(), id)); got != "payment_intent.created 1, payment_intent.payment_failed 1" {
			t.Errorf("the events of the payment: %s", got)
		}
		if intent := b.get("/payment-intents/" + id); intent.Text("status") != "requires_payment_method" || intent.Text("last_payment_error.code") != "card_declined" {
			t.Errorf("the payment is %s", intent.Body)
		}
		if n := paid(b, id); n != 0 {
			t.Errorf("a declined payment has %d rows", n)
		}
		// Another card pays it.
		if again := b.call("/payment-intents/"+id+"/confirm", map[string]any{"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/back"}); again.Text("status") != "succeeded" {
			t.Errorf("%s", again.Body)
		}
		b.settle()
		if n := paid(b, id); n != 1 {
			t.Errorf("the payment has %d rows", n)
		}
	})
	t.Run("3DS", func(t *testing.T) {
		b := all.in(t)
		id, asked := pay(b, 2200, "pm_card_threeDSecure2Required")
		if asked.Status != 200 || asked.Text("status") != "requires_action" {
			t.Fatalf("%d %s", asked.Status, asked.Body)
		}
		if got := counts(of(b.settle(), id)); got != "payment_intent.created 1, payment_intent.requires_action 1" {
			t.Errorf("the events of the payment: %s", got)
		}
		visit(t, asked.Text("next_action.redirect_to_url.url"), "authorize")
		testkit.Eventually(t, eventually, "the payment is authorized", func() bool { return b.get("/payment-intents/"+id).Text("status") == "succeeded" })
		if got := counts(of(b.settle(), id)); got != "payment_intent.created 1, payment_intent.requires_action 1, payment_intent.succeeded 1" {
			t.Errorf("the events of the payment: %s", got)
		}
		if n := paid(b, id); n != 1 {
			t.Errorf("the payment has %d rows", n)
		}
		id, asked = pay(b, 2300, "pm_card_threeDSecure2Required")
		visit(t, asked.Text("next_action.redirect_to_url.url"), "fail")
		if got := counts(of(b.settle(), id)); got != "payment_intent.created 1, payment_intent.payment_failed 1, payment_intent.requires_action 1" {
			t.Errorf("the events of a payment that was not authorized: %s", got)
		}
		if n := paid(b, id); n != 0 {
			t.Errorf("a payment that was not authorized has %d rows", n)
		}
	})
	t.Run("a refund", func(t *testing.T) {
		b := all.in(t)
		id, confirmed := pay(b, 2400, "pm_card_visa")
		charge := confirmed.Text("latest_charge")
		part := b.call("/refunds", map[string]any{"payment_intent": id, "amount": 400})
		rest := b.call("/refunds", map[string]any{"payment_intent": id})
		if fmt.Sprintf("%v %v", part.Field("amount"), rest.Field("amount")) != "400 2000" || rest.Text("status") != "succeeded" {
			t.Errorf("refunded: %s %s", part.Body, rest.Body)
		}
		if kinds := of(b.settle(), charge); counts(kinds) != "charge.refunded 2, charge.succeeded 1" {
			t.Errorf("the events of the charge: %s", counts(kinds))
		}
		if got := b.get("/charges/" + charge); got.Field("refunded") != true || fmt.Sprint(got.Field("amount_refunded")) != "2400" {
			t.Errorf("the charge: %s", got.Body)
		}
		if more := b.post("/refunds", map[string]any{"payment_intent": id}); more.Status != 400 || more.Text("stripe.code") != "charge_already_refunded" {
			t.Errorf("a refund of what is refunded: %d %s", more.Status, more.Body)
		}
	})
	t.Run("a key", func(t *testing.T) {
		b := all.in(t)
		before := len(b.sent())
		params := map[string]any{"amount": 2500, "currency": "usd", "customer": "cus_123", "payment_method": "pm_card_visa", "confirm": true, "return_url": "http://127.0.0.1/back"}
		first := b.call("/payment-intents", params, "Idempotency-Key", "order-1")
		again := b.call("/payment-intents", params, "Idempotency-Key", "order-1")
		if string(first.Body) != string(again.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("replayed: %s, %s", again.Header, again.Body)
		}
		events := b.settle()[before:]
		if got := counts(of(events, first.Text("id"))); got != "payment_intent.created 1, payment_intent.succeeded 1" {
			t.Errorf("the events: %s", got)
		}
		if n := paid(b, first.Text("id")); n != 1 {
			t.Errorf("the payment has %d rows", n)
		}
	})
	t.Run("what the seed names is there, and what nobody made is not", func(t *testing.T) {
		b := all.in(t)
		for path, object := range map[string]string{"/customers/cus_123": "customer", "/subscriptions/sub_789": "subscription", "/prices/price_456": "price"} {
			if got := b.get(path); got.Text("object") != object {
				t.Errorf("%s: %s", path, got.Body)
			}
		}
		if missing := b.Get("/integrations/stripe/customers/cus_of_nobody"); missing.Status != 404 || missing.Text("stripe.code") != "resource_missing" {
			t.Errorf("%d %s", missing.Status, missing.Body)
		}
	})
	stdout, log := all.Output()
	if strings.Contains(stdout+log, "_secret_") {
		t.Error("a client secret is in the log")
	}
	if strings.Contains(log, "whsec_") {
		t.Error("the secret of the webhook is in the log")
	}
	if strings.Contains(log, "level=ERROR") {
		t.Error("the log has errors")
	}
}

// visit opens the page on which a customer lets a payment go on, and does there what is
// asked for.
func visit(t *testing.T, address, choice string) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	if err := page.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || page.StatusCode != 200 || !strings.Contains(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s: %d %s, %v", address, page.StatusCode, text, err)
	}
	done, err := client.PostForm(address, url.Values{"outcome": {choice}})
	if err != nil {
		t.Fatal(err)
	}
	if err := done.Body.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"authorize": "redirect_status=succeeded", "fail": "redirect_status=failed"}[choice]
	if to := done.Header.Get("Location"); done.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "http://127.0.0.1/back?") || !strings.Contains(to, want) {
		t.Errorf("%s leads to %d %s", choice, done.StatusCode, to)
	}
}

// TestTheSandboxOutlivesItsGateway: what was made is there after a stop and after a
// crash, and an event that nobody could take is delivered then.
func TestTheSandboxOutlivesItsGateway(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	customer := b.call("/customers", map[string]any{"email": "ann@example.com"}).Text("id")
	b.settle()
	if code := b.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	b.Gateway = b.Dev()
	if got := b.get("/customers/" + customer); got.Text("email") != "ann@example.com" {
		t.Errorf("after a stop: %s", got.Body)
	}
	b.KeepAddress() // so that nothing waits for the lease of the one that was killed
	for i := range 2 {
		pay := map[string]any{"amount": 3000 + i, "currency": "usd", "payment_method": "pm_card_visa", "confirm": true, "return_url": "http://127.0.0.1/back"}
		intent := b.call("/payment-intents", pay)
		b.Kill() // at once: its events are hardly on their way
		b.PluginsGone(10 * time.Second)
		b.Gateway = b.Dev()
		if kinds := of(b.settle(), intent.Text("id")); !slices.Contains(kinds, "payment_intent.succeeded") {
			t.Errorf("after a crash the events are %q", kinds)
		}
	}
	if rows := b.payments(t); len(rows) != 2 {
		t.Errorf("the rows are %v", rows)
	}
	// More than arrives before the gateway is gone.
	if events := b.advanced("3mo"); events["invoice.paid"] != 3 {
		t.Errorf("three months later: %v", events)
	}
	b.Kill()
	b.PluginsGone(10 * time.Second)
	b.Gateway = b.Dev()
	b.settle()
	b.sandbox("reset", "--yes")
	if gone := b.Get("/integrations/stripe/customers/" + customer); gone.Status != 404 {
		t.Errorf("after a reset: %d %s", gone.Status, gone.Body)
	}
	b.get("/customers/cus_123")
}
