package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// subscriber makes a customer with a good card and a monthly subscription.
func (b *box) subscriber() (customer, subscription string) {
	b.t.Helper()
	customer = b.call("/customers", map[string]any{
		"email": "ann@example.com", "payment_method": "pm_card_visa",
		"invoice_settings": map[string]any{"default_payment_method": "pm_card_visa"},
	}).Text("id")
	begun := b.call("/subscriptions", map[string]any{"customer": customer, "priceId": "price_456"})
	if begun.Text("status") != "active" {
		b.t.Fatalf("a new subscription: %s", begun.Body)
	}
	return customer, begun.Text("id")
}

// card gives a customer another card to pay with.
func (b *box) card(customer, method string) {
	b.t.Helper()
	card := b.call("/payment-methods/"+method+"/attach", map[string]any{"customer": customer}).Text("id")
	b.call("/customers/"+customer, map[string]any{"invoice_settings": map[string]any{"default_payment_method": card}})
}

// invoices lists those of a subscription, the newest first, and fails the test where two
// are of one period.
func (b *box) invoices(subscription string) []program.Response {
	b.t.Helper()
	list := b.get("/invoices?limit=100&subscription=" + subscription)
	data, _ := list.Field("data").([]any)
	invoices := make([]program.Response, len(data))
	periods := map[string]bool{}
	for i := range data {
		invoices[i] = b.get("/invoices/" + list.Text(fmt.Sprintf("data.%d.id", i)))
		period := fmt.Sprint(invoices[i].Field("lines.data.0.period.start"))
		if periods[period] {
			b.t.Errorf("two invoices are of the period from %s", period)
		}
		periods[period] = true
	}
	return invoices
}

// wantInvoices compares the statuses of the invoices of a subscription, the newest first.
func (b *box) wantInvoices(subscription, want string) []program.Response {
	b.t.Helper()
	invoices := b.invoices(subscription)
	statuses := make([]string, len(invoices))
	for i, invoice := range invoices {
		statuses[i] = invoice.Text("status")
	}
	if got := strings.Join(statuses, " "); got != want {
		b.t.Errorf("the invoices are %s, want %s", got, want)
	}
	return invoices
}

// TestASubscriptionRunsForMonthsInAMoment: three months of moved time, a card that fails
// and the one that takes its place, each event with its row.
func TestASubscriptionRunsForMonthsInAMoment(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	customer, subscription := b.subscriber()
	b.wantInvoices(subscription, "paid")
	want := "paid"
	for range 2 {
		events := b.advanced("31d")
		if events["invoice.paid"] < 1 || events["customer.subscription.updated"] < 1 {
			t.Errorf("a month later: %v", events)
		}
		want = "paid " + want
		b.wantInvoices(subscription, want)
	}
	b.card(customer, "pm_card_chargeCustomerFail")
	if events := b.advanced("31d"); events["invoice.payment_failed"] < 1 {
		t.Errorf("with a card that fails: %v", events)
	}
	failed := b.wantInvoices(subscription, "open "+want)[0]
	if got := b.get("/subscriptions/" + subscription); got.Text("status") != "past_due" {
		t.Errorf("after a payment that failed the subscription is %s", got.Text("status"))
	}
	b.card(customer, "pm_card_visa")
	if events := b.advanced("1w"); events["invoice.paid"] < 1 {
		t.Errorf("with another card: %v", events)
	}
	b.wantInvoices(subscription, "paid "+want)
	if got := b.get("/subscriptions/" + subscription); got.Text("status") != "active" {
		t.Errorf("after its payment the subscription is %s", got.Text("status"))
	}
	kinds := of(b.settle(), failed.Text("id"))
	for _, kind := range []string{"invoice.created 1", "invoice.finalized 1", "invoice.payment_failed", "invoice.paid 1"} {
		if !strings.Contains(counts(kinds), kind) {
			t.Errorf("%s is not among the events of the invoice: %s", kind, counts(kinds))
		}
	}
}

// goesOn is the command that a move of time prints where it fails.
var goesOn = regexp.MustCompile(`backflow sandbox (advance --to \S+)`)

// TestAKillWhileTimeMovesLosesNothingAndDoesNothingTwice: whether the gateway dies or the
// plugin, the printed command goes on.
func TestAKillWhileTimeMovesLosesNothingAndDoesNothingTwice(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	b := newBox(t)
	b.KeepAddress()
	_, subscription := b.subscriber()
	b.settle()
	begun := b.sandbox("status").Text("time")
	pid := b.PluginPID("stripe", 0)
	for i, kill := range []func(){
		func() { b.Kill() },
		func() {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
	} {
		moving := b.Start("sandbox", "advance", "6mo")
		testkit.Eventually(t, eventually, "time moves", func() bool {
			_, errs := moving.Output()
			return strings.Contains(errs, " events\n")
		})
		kill()
		code := moving.Wait()
		_, errs := moving.Output()
		if !b.Running() {
			b.PluginsGone(10 * time.Second)
			b.Gateway = b.Dev()
		}
		pid = b.PluginPID("stripe", pid)
		testkit.Eventually(t, eventually, "the sandbox is back", func() bool { return b.Get("/integrations/stripe/balance").Status == 200 })
		if again := goesOn.FindStringSubmatch(errs); code == 1 && again != nil {
			b.sandbox(strings.Fields(again[1])...)
		} else if code != 0 {
			t.Errorf("exit code %d, and nothing to go on with: %s", code, errs)
		}
		// A year has twelve months, and each half of it six.
		invoices, events := b.invoices(subscription), b.settle()
		if want := 1 + 6*(i+1); len(invoices) != want {
			t.Errorf("since %s there are %d invoices, want %d", begun, len(invoices), want)
		}
		for _, invoice := range invoices[1:] {
			if kinds := of(events, invoice.Text("id")); !strings.Contains(counts(kinds), "invoice.paid 1") {
				t.Errorf("invoice %s is %s, with the events %s", invoice.Text("id"), invoice.Text("status"), counts(kinds))
			}
		}
	}
}
