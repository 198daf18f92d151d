package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// after returns the types of the events that come after the last of a type.
func (b *box) after(eventType string) []string {
	b.t.Helper()
	all := b.events()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == eventType {
			return all[i+1:]
		}
	}
	b.t.Fatalf("no %s in %v", eventType, all)
	return nil
}

// available is what can be paid out, in dollars' cents.
func (b *box) available() string {
	b.t.Helper()
	return b.get("/v1/balance", "").text("available.0.amount")
}

func TestADisputedPaymentTakesTheMoneyBackAndWinningReturnsIt(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	opened := b.disputed()
	b.shows(opened, map[string]string{
		"data.#": "1", "data.0.status": "needs_response", "data.0.reason": "fraudulent", "data.0.amount": "50000", "data.0.currency": "usd",
		"data.0.evidence_details.submission_count": "0", "data.0.balance_transactions.0.net": "-51500", "data.0.is_charge_refundable": "false",
	})
	if got, want := b.after("payment_intent.succeeded"), []string{"charge.dispute.created", "charge.dispute.funds_withdrawn"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if got := b.available(); got != "-51500" {
		t.Errorf("available are %s", got)
	}
	charge := opened.text("data.0.charge")
	b.shows(b.get("/v1/charges/"+charge, ""), map[string]string{"disputed": "true"})
	if r := b.send(http.MethodPost, "/v1/refunds", "charge="+charge); r.Status != http.StatusBadRequest {
		t.Errorf("a refund of a disputed charge: %d %s", r.Status, r.Raw)
	}

	id := opened.text("data.0.id")
	b.shows(b.post("/v1/disputes/"+id, "evidence[product_description]=Shoes&submit=false"), map[string]string{
		"status": "needs_response", "evidence.product_description": "Shoes", "evidence_details.has_evidence": "true",
	})
	b.shows(b.post("/v1/disputes/"+id, "evidence[uncategorized_text]=winning_evidence"), map[string]string{
		"status": "won", "evidence_details.submission_count": "1", "balance_transactions.1.net": "51500", "evidence.product_description": "Shoes",
	})
	if got, want := b.after("charge.dispute.funds_withdrawn"), []string{"charge.dispute.updated", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_reinstated"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if got := b.available(); got != "0" {
		t.Errorf("available are %s", got)
	}
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/disputes/"+id, "evidence[receipt]=file_1")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/disputes/"+id+"/close", "")
	b.shows(b.get("/v1/disputes", "charge="+charge), map[string]string{"data.#": "1", "data.0.id": id})
	b.shows(b.get("/v1/disputes", "charge=ch_other"), map[string]string{"data.#": "0"})
}

func TestADisputeIsLostByWhatStripesPageSays(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *box, id string){
		"losing evidence": func(b *box, id string) { b.post("/v1/disputes/"+id, "evidence[uncategorized_text]=losing_evidence") },
		"closing it":      func(b *box, id string) { b.post("/v1/disputes/"+id+"/close", "") },
		"closing by charge": func(b *box, id string) {
			b.post("/v1/charges/"+b.get("/v1/disputes/"+id, "").text("charge")+"/dispute/close", "")
		},
		"no response in time": func(b *box, _ string) { b.do("advance", `{"by":"9d"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, Options{})
			id := b.disputed().text("data.0.id")
			lose(b, id)
			b.shows(b.get("/v1/disputes/"+id, ""), map[string]string{"status": "lost", "balance_transactions.#": "1"})
			if events := b.events(); !slices.Contains(events, "charge.dispute.closed") || slices.Contains(events, "charge.dispute.funds_reinstated") {
				t.Errorf("events %v", events)
			}
		})
	}
}

func TestOtherEvidenceLeavesADisputeUnderReview(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	id := b.disputed().text("data.0.id")
	b.shows(b.post("/v1/disputes/"+id, "evidence[uncategorized_text]=see+above&metadata[case]=7"), map[string]string{"status": "under_review", "metadata.case": "7"})
	b.do("advance", `{"by":"30d"}`)
	b.shows(b.get("/v1/disputes/"+id, ""), map[string]string{"status": "under_review"})
}

func TestAnInquiryTakesNoMoneyUntilItIsEscalated(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.charge("&payment_method=pm_card_createDisputeInquiry")
	id := b.get("/v1/disputes", "").text("data.0.id")
	b.shows(b.get("/v1/disputes/"+id, ""), map[string]string{"status": "warning_needs_response", "balance_transactions.#": "0", "is_charge_refundable": "true"})
	b.shows(b.post("/v1/disputes/"+id, "evidence[uncategorized_text]=escalate_inquiry_evidence"), map[string]string{"status": "needs_response", "balance_transactions.0.net": "-51500"})
	if events := b.events(); !slices.Contains(events, "charge.dispute.funds_withdrawn") {
		t.Errorf("events %v", events)
	}

	other := open(t, Options{})
	charge := other.charge("&payment_method=pm_card_createDisputeInquiry").text("id")
	other.post("/v1/refunds", "charge="+charge)
	other.shows(other.get("/v1/disputes", ""), map[string]string{"data.0.status": "warning_closed"})
}

func TestAnEarlyFraudWarningIsRecorded(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	charge := b.charge("&payment_method=pm_card_createIssuerFraudRecord").text("id")
	b.shows(b.get("/v1/radar/early_fraud_warnings", "charge="+charge), map[string]string{"data.#": "1", "data.0.actionable": "true"})
	if events := strings.Join(b.events(), " "); !strings.Contains(events, "radar.early_fraud_warning.created") {
		t.Errorf("events %v", events)
	}
	b.post("/v1/refunds", "charge="+charge)
	b.shows(b.get("/v1/radar/early_fraud_warnings", ""), map[string]string{"data.0.actionable": "false"})
}
