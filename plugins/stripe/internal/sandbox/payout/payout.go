// Package payout is the part of the sandbox that pays the balance out to a bank
// account. There is no automatic schedule: payouts are made by requests, and arrive
// two days later by the sandbox's clock.
//
// The package imports plugins/stripe/internal/sandbox/connect,
// plugins/stripe/internal/sandbox/payment and
// plugins/stripe/internal/sandbox/resource.
package payout

import (
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/connect"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Payout is the type of payouts.
const Payout = "payout"

// Statuses of payouts (https://docs.stripe.com/api/payouts/object).
const (
	pending   = "pending"
	inTransit = "in_transit"
	paid      = "paid"
	failed    = "failed"
	canceled  = "canceled"
)

const (
	timerLeave  = "payout.leave"
	timerArrive = "payout.arrive"
	// leaveAfter is how long a payout can be canceled, arriveAfter how long it takes
	// (https://docs.stripe.com/payouts).
	leaveAfter  = 24 * time.Hour
	arriveAfter = 48 * time.Hour
	// instantAfter is how long an instant one takes.
	instantAfter = 30 * time.Minute
)

// destination is the bank account that payouts go to where neither the request nor an
// external account names one.
const destination = "ba_1SandboxBankAccount000000"

// Module has the operations on payouts.
func Module() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Payout: "po"},
		Operations: map[string]resource.Operation{
			"PostPayouts":              create,
			"GetPayouts":               list,
			"GetPayoutsPayout":         resource.Getter(Payout),
			"PostPayoutsPayout":        update,
			"PostPayoutsPayoutCancel":  cancel,
			"PostPayoutsPayoutReverse": reverse,
		},
		Timers: map[string]resource.Timer{timerLeave: leave, timerArrive: arrive},
	}
}

func create(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	currency, refusal := payment.Currency(r.Params)
	if refusal != nil {
		return nil, refusal
	}
	amount := r.Params.Int("amount")
	if amount < 1 {
		return nil, resource.Invalid("amount", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	}
	if amount > payment.Available(t, currency) {
		return nil, resource.Unexpected("balance_insufficient", "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low. You can use the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance).")
	}
	o := t.New(Payout)
	o["amount"], o["currency"], o["automatic"], o["type"] = amount, currency, false, "bank_account"
	o["method"], o["source_type"], o["reconciliation_status"] = "standard", "card", "not_applicable"
	o["status"], o["arrival_date"] = pending, t.Now().Add(arriveAfter).Unix()
	resource.Assign(o, r.Params, "method", "source_type")
	if o["destination"], refusal = bankFor(t, r.Params, currency); refusal != nil {
		return nil, refusal
	}
	if refusal := resource.Update(o, r.Params, "description", "statement_descriptor"); refusal != nil {
		return nil, refusal
	}
	if o.Text("method") == "instant" {
		o["arrival_date"] = t.Now().Add(instantAfter).Unix()
	}
	o["balance_transaction"] = payment.Post(t, payment.Entry{
		Type: "payout", Currency: currency, Amount: -amount, Source: o.ID(), Description: o["description"], Available: true,
	}).ID()
	t.Put(o)
	t.Emit("payout.created", o)
	if o.Text("method") != "instant" {
		t.After(leaveAfter, timerLeave, o.ID())
	}
	t.At(time.Unix(o.Int("arrival_date"), 0), timerArrive, o.ID())
	return o, nil
}

// bankFor is where a payout of a currency goes: the bank account that is asked for, the
// default one of the account, or one that is always there.
func bankFor(t *resource.Tx, params resource.Object, currency string) (any, *resource.Refusal) {
	if id := params.Text("destination"); id != "" && id != destination {
		if _, refusal := t.Get(connect.Bank, id, "destination"); refusal != nil {
			return nil, refusal
		}
		return id, nil
	}
	for _, bank := range t.All(resource.Filter{Kind: connect.Bank, Equal: map[string]string{"account": connect.Own, "currency": currency}}) {
		if bank.Bool("default_for_currency") {
			return bank.ID(), nil
		}
	}
	return destination, nil
}

func list(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(Payout, r, "destination", "status")
	within, refusal := resource.Within(r.Params, "arrival_date")
	if refusal != nil {
		return nil, refusal
	}
	f.Keep = func(o resource.Object) bool { return within(o.Int("arrival_date")) }
	return t.List(r, f)
}

func update(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Payout)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("payout.updated", before, o)
	return o, nil
}

// leave sends a payout to the bank: it cannot be canceled any more.
func leave(t *resource.Tx, id string) {
	o, ok := t.Find(Payout, id)
	if !ok || o.Text("status") != pending {
		return
	}
	before := o.Clone()
	o["status"] = inTransit
	t.Put(o)
	t.EmitUpdate("payout.updated", before, o)
}

// arrive ends a payout: it is paid, or fails and its money comes back.
func arrive(t *resource.Tx, id string) {
	o, ok := t.Find(Payout, id)
	if !ok || o.Text("status") != pending && o.Text("status") != inTransit {
		return
	}
	code, fails := connect.Fails(o.Text("destination"))
	if !fails {
		o["status"] = paid
		t.Put(o)
		t.Emit("payout.paid", o)
		return
	}
	o["status"], o["failure_code"] = failed, code
	o["failure_message"] = "The payout failed: " + strings.ReplaceAll(code, "_", " ") + "."
	o["failure_balance_transaction"] = back(t, o, "payout_failure").ID()
	t.Put(o)
	t.Emit("payout.failed", o)
}

// back returns the money of a payout to the balance.
func back(t *resource.Tx, o resource.Object, kind string) resource.Object {
	return payment.Post(t, payment.Entry{
		Type: kind, Category: "payout_reversal", Currency: o.Text("currency"), Amount: o.Int("amount"), Source: o.ID(), Available: true,
	})
}

func cancel(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Payout)
	if refusal != nil {
		return nil, refusal
	}
	if o.Text("status") != pending {
		return nil, resource.Unexpected("payouts_not_allowed", "Payouts may only be canceled while they are pending. Payout %s has the status %s.", o.ID(), o.Text("status"))
	}
	t.Stop(o.ID(), "")
	o["status"] = canceled
	o["failure_balance_transaction"] = back(t, o, "payout_cancel").ID()
	t.Put(o)
	t.Emit("payout.canceled", o)
	return o, nil
}

// reverse makes a payout of the opposite amount
// (https://docs.stripe.com/api/payouts/reverse).
func reverse(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Payout)
	if refusal != nil {
		return nil, refusal
	}
	if o.Text("status") != paid || o.Set("reversed_by") || o.Set("original_payout") {
		return nil, resource.Unexpected("payout_reconciliation_not_ready", "Only a payout that is paid, and was not reversed, can be reversed.")
	}
	reversal := o.Clone()
	reversal["id"], reversal["created"] = t.NewID(Payout), t.Now().Unix()
	reversal["amount"], reversal["original_payout"], reversal["status"] = -o.Int("amount"), o.ID(), pending
	reversal["arrival_date"], reversal["metadata"] = t.Now().Add(arriveAfter).Unix(), resource.Object{}
	if refusal := resource.Metadata(reversal, r.Params); refusal != nil {
		return nil, refusal
	}
	reversal["balance_transaction"] = back(t, o, "payout").ID()
	t.Put(reversal)
	o["reversed_by"] = reversal.ID()
	t.Put(o)
	t.Emit("payout.created", reversal)
	t.At(time.Unix(reversal.Int("arrival_date"), 0), timerArrive, reversal.ID())
	return reversal, nil
}
