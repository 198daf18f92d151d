package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// money is what there is, available or pending, in cents.
func (b *box) money() string {
	b.t.Helper()
	balance := b.get("/v1/balance", "")
	sum := 0
	for _, path := range []string{"available.0.amount", "pending.0.amount"} {
		amount, err := strconv.Atoi(balance.text(path))
		if err != nil {
			b.t.Fatal(err)
		}
		sum += amount
	}
	return strconv.Itoa(sum)
}

func TestAPayoutTakesTheBalanceAndArrives(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.refused(400, "balance_insufficient", http.MethodPost, "/v1/payouts", "amount=100&currency=usd")
	b.charge("")
	had := b.money()
	made := b.post("/v1/payouts", "amount=10000&currency=usd&metadata[run]=3&description=Weekly")
	b.shows(made, map[string]string{"status": "pending", "amount": "10000", "automatic": "false", "metadata.run": "3", "description": "Weekly", "method": "standard"})
	id := made.text("id")
	if got := b.money(); got == had {
		t.Errorf("available are %s still", got)
	}
	b.shows(b.get("/v1/balance_transactions/"+made.text("balance_transaction"), ""), map[string]string{"type": "payout", "net": "-10000", "source": id})
	b.do("advance", `{"by":"25h"}`)
	b.shows(b.get("/v1/payouts/"+id, ""), map[string]string{"status": "in_transit"})
	b.refused(400, "payouts_not_allowed", http.MethodPost, "/v1/payouts/"+id+"/cancel", "")
	b.do("advance", `{"by":"24h"}`)
	b.shows(b.get("/v1/payouts/"+id, ""), map[string]string{"status": "paid"})
	var payouts []string
	for _, event := range b.events() {
		if strings.HasPrefix(event, "payout.") {
			payouts = append(payouts, event)
		}
	}
	if got, want := payouts, []string{"payout.created", "payout.updated", "payout.paid"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	b.shows(b.get("/v1/payouts", "status=paid"), map[string]string{"data.#": "1"})
	b.shows(b.get("/v1/payouts", "arrival_date[lt]=1000"), map[string]string{"data.#": "0"})
	b.shows(b.post("/v1/payouts/"+id+"/reverse", ""), map[string]string{"amount": "-10000", "original_payout": id})
	if got := b.money(); got != had {
		t.Errorf("available are %s after the reversal, %s before", got, had)
	}
}

func TestACanceledPayoutComesBack(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.charge("")
	had := b.money()
	id := b.post("/v1/payouts", "amount=10000&currency=usd").text("id")
	b.shows(b.post("/v1/payouts/"+id+"/cancel", ""), map[string]string{"status": "canceled"})
	if got := b.money(); got != had {
		t.Errorf("available are %s, not %s", got, had)
	}
	b.do("advance", `{"by":"5d"}`)
	b.shows(b.get("/v1/payouts/"+id, ""), map[string]string{"status": "canceled"})
	if events := b.events(); !slices.Contains(events, "payout.canceled") || slices.Contains(events, "payout.paid") {
		t.Errorf("events %v", events)
	}
}

// TestAPayoutToATestAccountFails: by the account number, as Stripe's page has it.
func TestAPayoutToATestAccountFails(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	own := b.get("/v1/account", "").text("id")
	bank := b.post("/v1/accounts/"+own+"/bank_accounts", "bank_account[country]=US&bank_account[currency]=usd&bank_account[account_number]=000111111113").text("id")
	b.charge("")
	had := b.money()
	id := b.post("/v1/payouts", "amount=10000&currency=usd").text("id")
	b.shows(b.get("/v1/payouts/"+id, ""), map[string]string{"destination": bank})
	b.do("advance", `{"by":"3d"}`)
	failed := b.get("/v1/payouts/"+id, "")
	b.shows(failed, map[string]string{"status": "failed", "failure_code": "account_closed"})
	b.shows(b.get("/v1/balance_transactions/"+failed.text("failure_balance_transaction"), ""), map[string]string{"net": "10000"})
	if got := b.money(); got != had {
		t.Errorf("available are %s, not %s", got, had)
	}
	if events := b.events(); !slices.Contains(events, "payout.failed") {
		t.Errorf("events %v", events)
	}
	b.refused(400, "resource_missing", http.MethodPost, "/v1/payouts", "amount=1&currency=usd&destination=ba_absent")
}

func TestATransferMovesMoneyToAConnectedAccount(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	account := b.make("/v1/accounts", "")
	b.shows(b.get("/v1/accounts/"+account, ""), map[string]string{"type": "express", "capabilities.transfers": "active", "payouts_enabled": "true", "email": "a@b.c"})
	b.shows(b.get("/v1/accounts/"+account+"/capabilities/card_payments", ""), map[string]string{"status": "unrequested", "requested": "false"})
	b.refused(400, "balance_insufficient", http.MethodPost, "/v1/transfers", "amount=100&currency=usd&destination="+account)
	b.refused(400, "resource_missing", http.MethodPost, "/v1/transfers", "amount=100&currency=usd&destination=acct_absent")
	b.charge("")
	had := b.money()
	made := b.post("/v1/transfers", "amount=4000&currency=usd&transfer_group=G1&destination="+account)
	b.shows(made, map[string]string{"destination": account, "amount": "4000", "reversed": "false", "transfer_group": "G1"})
	id := made.text("id")
	reversal := b.post("/v1/transfers/"+id+"/reversals", "amount=1000")
	b.shows(reversal, map[string]string{"transfer": id, "amount": "1000"})
	b.shows(b.get("/v1/transfers/"+id, ""), map[string]string{"amount_reversed": "1000", "reversed": "false", "reversals.data.0.id": reversal.text("id")})
	b.post("/v1/transfers/"+id+"/reversals", "")
	b.shows(b.get("/v1/transfers/"+id, ""), map[string]string{"amount_reversed": "4000", "reversed": "true"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/transfers/"+id+"/reversals", "")
	if got := b.money(); got != had {
		t.Errorf("available are %s, not %s", got, had)
	}
	if got, want := b.after("payment_intent.succeeded"), []string{"transfer.created", "transfer.reversed", "transfer.reversed"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	b.del("/v1/accounts/" + account)
	b.refused(404, "resource_missing", http.MethodGet, "/v1/accounts/"+account, "")
}

func TestATransferOfAChargeTakesNoMoreThanItIs(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	account := b.make("/v1/accounts", "")
	charge := b.charge("&payment_method=pm_card_visa").text("id")
	b.shows(b.post("/v1/transfers", "currency=usd&amount=30000&source_transaction="+charge+"&destination="+account), map[string]string{"source_transaction": charge})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/transfers", "currency=usd&amount=30000&source_transaction="+charge+"&destination="+account)
}
