package connect

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Types of objects.
const (
	Transfer = "transfer"
	Reversal = "transfer_reversal"
)

func transfers() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Transfer: "tr", Reversal: "trr"},
		Operations: map[string]resource.Operation{
			"PostTransfers":                    createTransfer,
			"GetTransfers":                     listTransfers,
			"GetTransfersTransfer":             getTransfer,
			"PostTransfersTransfer":            updateTransfer,
			"PostTransfersIdReversals":         reverseTransfer,
			"GetTransfersIdReversals":          listReversals,
			"GetTransfersTransferReversalsId":  getReversal,
			"PostTransfersTransferReversalsId": updateReversal,
		},
	}
}

// createTransfer moves money of the balance to a connected account
// (https://docs.stripe.com/connect/separate-charges-and-transfers).
func createTransfer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	destination, refusal := t.Get(Account, r.Params.Text("destination"), "destination")
	if refusal != nil {
		return nil, refusal
	}
	if destination.Object("capabilities").Text("transfers") != "active" && destination.Object("capabilities").Text("legacy_payments") != "active" {
		return nil, resource.Unexpected("insufficient_capabilities_for_transfer", "Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments")
	}
	currency, refusal := payment.Currency(r.Params)
	if refusal != nil {
		return nil, refusal
	}
	o := t.New(Transfer)
	o["currency"], o["destination"], o["source_type"] = currency, destination.ID(), "card"
	if r.Params.Set("source_transaction") {
		if refusal := fromCharge(t, o, r.Params); refusal != nil {
			return nil, refusal
		}
	} else {
		if o["amount"] = r.Params.Int("amount"); o.Int("amount") < 1 {
			return nil, resource.Invalid("amount", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
		}
		if payment.Available(t, currency) < o.Int("amount") {
			return nil, resource.Unexpected("balance_insufficient", "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance")
		}
	}
	if refusal := resource.Update(o, r.Params, "description", "transfer_group"); refusal != nil {
		return nil, refusal
	}
	o["amount_reversed"], o["reversed"] = 0, false
	o["destination_payment"] = "py_" + random.Text(24)
	o["balance_transaction"] = payment.Post(t, payment.Entry{
		Type: "transfer", Currency: currency, Amount: -o.Int("amount"), Source: o.ID(), Description: o["description"], Available: true,
	}).ID()
	t.Put(o)
	t.Emit("transfer.created", o)
	return shownTransfer(t, o), nil
}

// fromCharge binds a transfer to a charge, of which it can take no more than it is.
func fromCharge(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	charge, refusal := t.Get(payment.Charge, params.Text("source_transaction"), "source_transaction")
	if refusal != nil {
		return refusal
	}
	if charge.Text("currency") != o.Text("currency") {
		return resource.Invalid("currency", "", "The currency of source_transaction's balance transaction (%s) must be the same as the transfer currency (%s)", charge.Text("currency"), o.Text("currency"))
	}
	o["source_transaction"], o["amount"] = charge.ID(), charge.Int("amount_captured")
	if params.Has("amount") {
		o["amount"] = params.Int("amount")
	}
	taken := int64(0)
	t.Each(resource.Filter{Kind: Transfer, Equal: map[string]string{"source_transaction": charge.ID()}}, func(other resource.Object) bool {
		taken += other.Int("amount") - other.Int("amount_reversed")
		return true
	})
	if left := charge.Int("amount_captured") - charge.Int("amount_refunded") - taken; o.Int("amount") > left || o.Int("amount") < 1 {
		return resource.Unexpected("", "Transfers using this transaction as a source must not exceed the source amount. The source transaction only has %d %s left to transfer.", max(left, 0), o.Text("currency"))
	}
	return nil
}

// shownTransfer is a transfer as Stripe shows it, with its reversals.
func shownTransfer(t *resource.Tx, o resource.Object) resource.Object {
	o["reversals"] = t.Sublist(reversalsOf(o.ID()), resource.URL("transfers", o.ID(), "reversals"))
	return o
}

func reversalsOf(transfer string) resource.Filter {
	return resource.Filter{Kind: Reversal, Equal: map[string]string{"transfer": transfer}}
}

func listTransfers(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	list, refusal := t.List(r, resource.ByParams(Transfer, r, "destination", "transfer_group"))
	for _, o := range list.Objects("data") {
		shownTransfer(t, o)
	}
	return list, refusal
}

func getTransfer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Transfer)
	if refusal != nil {
		return nil, refusal
	}
	return shownTransfer(t, o), nil
}

func updateTransfer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Transfer)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "description"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("transfer.updated", before, o)
	return shownTransfer(t, o), nil
}

func reverseTransfer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Transfer)
	if refusal != nil {
		return nil, refusal
	}
	left := o.Int("amount") - o.Int("amount_reversed")
	if left == 0 {
		return nil, resource.Unexpected("", "Transfer %s is already fully reversed.", o.ID())
	}
	amount := left
	if r.Params.Has("amount") {
		amount = r.Params.Int("amount")
	}
	if amount < 1 || amount > left {
		return nil, resource.Invalid("amount", "", "Reversal amount (%d) is greater than unreversed amount on transfer (%d), or less than 1", amount, left)
	}
	reversal := t.New(Reversal)
	reversal["amount"], reversal["currency"], reversal["transfer"] = amount, o["currency"], o.ID()
	reversal["destination_payment_refund"] = "pyr_" + random.Text(24)
	if refusal := resource.Metadata(reversal, r.Params); refusal != nil {
		return nil, refusal
	}
	reversal["balance_transaction"] = payment.Post(t, payment.Entry{
		Type: "transfer_refund", Category: "transfer_reversal", Currency: o.Text("currency"), Amount: amount, Source: reversal.ID(), Available: true,
	}).ID()
	t.Put(reversal)
	o["amount_reversed"] = o.Int("amount_reversed") + amount
	o["reversed"] = o.Int("amount_reversed") == o.Int("amount")
	t.Put(o)
	t.Emit("transfer.reversed", shownTransfer(t, o.Clone()))
	return reversal, nil
}

func listReversals(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Transfer)
	if refusal != nil {
		return nil, refusal
	}
	return t.List(r, reversalsOf(o.ID()))
}

func getReversal(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Reversal)
	if refusal == nil && o.Text("transfer") != r.PathParam("transfer") {
		refusal = resource.Missing(strings.ReplaceAll(Reversal, "_", " "), o.ID(), "id")
		refusal.Status = 404
	}
	if refusal != nil {
		return nil, refusal
	}
	return o, nil
}

func updateReversal(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := getReversal(t, r)
	if refusal == nil {
		refusal = resource.Metadata(o, r.Params)
	}
	if refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}
