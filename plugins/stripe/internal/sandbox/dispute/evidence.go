package dispute

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Texts that decide a dispute, as uncategorized_text of the evidence
// (https://docs.stripe.com/testing#evidence).
const (
	winningEvidence  = "winning_evidence"
	losingEvidence   = "losing_evidence"
	escalateEvidence = "escalate_inquiry_evidence"
)

// update takes evidence, and hands it in unless it is only to be kept. The texts above
// decide the dispute at once; any other evidence leaves it under review.
func update(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Dispute)
	if refusal != nil {
		return nil, refusal
	}
	onClock(t, o)
	before := o.Clone()
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	given := r.Params.Object("evidence")
	submit := !r.Params.Has("submit") || r.Params.Bool("submit")
	asked := given != nil || r.Params.Bool("submit")
	if asked && !awaits(o) {
		return nil, resource.Unexpected("", "This dispute is already closed or under review: its status is %s.", o.Text("status"))
	}
	evidence, details := o.Object("evidence"), o.Object("evidence_details")
	for name := range given {
		resource.Assign(evidence, given, name)
	}
	details["has_evidence"] = has(evidence)
	if asked && submit {
		details["submission_count"] = details.Int("submission_count") + 1
		o["status"] = underReview
		if before.Text("status") == inquiry {
			o["status"] = inquiryReview
		}
		t.Stop(o.ID(), timerOverdue)
	}
	t.Put(o)
	t.EmitUpdate("charge.dispute.updated", before, o)
	if asked && submit {
		decide(t, o, evidence.Text("uncategorized_text"))
	}
	return o, nil
}

// awaits reports whether a dispute waits for evidence.
func awaits(o resource.Object) bool {
	return o.Text("status") == needsResponse || o.Text("status") == inquiry
}

// has reports whether there is any evidence.
func has(evidence resource.Object) bool {
	for name := range evidence {
		if evidence.Set(name) {
			return true
		}
	}
	return false
}

// decide does what a text of the evidence stands for.
func decide(t *resource.Tx, o resource.Object, text string) {
	ofInquiry := o.Text("status") == inquiryReview
	switch {
	case text == escalateEvidence && ofInquiry:
		before := o.Clone()
		o["status"], o["is_charge_refundable"] = needsResponse, false
		withdraw(t, o)
		t.Put(o)
		t.EmitUpdate("charge.dispute.updated", before, o)
		t.Emit("charge.dispute.funds_withdrawn", o)
	case text == winningEvidence && ofInquiry, text == losingEvidence && ofInquiry:
		end(t, o, inquiryClosed)
	case text == winningEvidence:
		end(t, o, won)
		move(t, o, "dispute_reversal", "Chargeback reversal for "+o.Text("charge"), o.Int("amount"), -fee)
		t.Put(o)
		t.Emit("charge.dispute.funds_reinstated", o)
	case text == losingEvidence:
		end(t, o, lost)
	}
}

// end closes a dispute.
func end(t *resource.Tx, o resource.Object, status string) {
	t.Stop(o.ID(), timerOverdue)
	o["status"], o["is_charge_refundable"] = status, false
	t.Put(o)
	t.Emit("charge.dispute.closed", o)
}

// closeDispute gives a dispute up: it is lost.
func closeDispute(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Dispute)
	if refusal != nil {
		return nil, refusal
	}
	if !awaits(o) {
		return nil, resource.Unexpected("", "This dispute is already closed or under review: its status is %s.", o.Text("status"))
	}
	onClock(t, o)
	giveUp(t, o)
	return o, nil
}

// giveUp ends a dispute without evidence.
func giveUp(t *resource.Tx, o resource.Object) {
	status := lost
	if o.Text("status") == inquiry {
		status = inquiryClosed
	}
	end(t, o, status)
}

// overdue ends a dispute to which nobody responded in time.
func overdue(t *resource.Tx, id string) {
	o, ok := t.Find(Dispute, id)
	if !ok || !awaits(o) {
		return
	}
	o.Object("evidence_details")["past_due"] = true
	giveUp(t, o)
}

// refunded closes the inquiry about a charge whose money was given back.
func refunded(t *resource.Tx, charge resource.Object) {
	if !charge.Bool("refunded") {
		return
	}
	for _, o := range t.All(resource.Filter{Kind: Dispute, Equal: map[string]string{"charge": charge.ID(), "status": inquiry}}) {
		end(t, o, inquiryClosed)
	}
	for _, warning := range t.All(resource.Filter{Kind: Warning, Equal: map[string]string{"charge": charge.ID()}}) {
		before := warning.Clone()
		warning["actionable"] = false
		t.Put(warning)
		t.EmitUpdate("radar.early_fraud_warning.updated", before, warning)
	}
}
