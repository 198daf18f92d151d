package connect

import (
	"maps"
	"slices"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// capable are the capabilities that an account can have
// (https://docs.stripe.com/connect/account-capabilities).
var capable = set(
	"acss_debit_payments", "affirm_payments", "afterpay_clearpay_payments", "au_becs_debit_payments", "bacs_debit_payments",
	"bancontact_payments", "bank_transfer_payments", "blik_payments", "boleto_payments", "card_issuing", "card_payments",
	"cartes_bancaires_payments", "cashapp_payments", "eps_payments", "fpx_payments", "giropay_payments", "grabpay_payments",
	"ideal_payments", "india_international_payments", "jcb_payments", "klarna_payments", "konbini_payments", "legacy_payments",
	"link_payments", "oxxo_payments", "p24_payments", "paynow_payments", "promptpay_payments", "revolut_pay_payments",
	"sepa_debit_payments", "sofort_payments", "swish_payments", "tax_reporting_us_1099_k", "tax_reporting_us_1099_misc", "transfers",
	"treasury", "us_bank_account_ach_payments", "zip_payments",
)

func set(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// setCapability requests a capability for an account, or gives it up. The sandbox
// asks for no documents: what is requested is active.
func setCapability(t *resource.Tx, o resource.Object, name string, requested bool) {
	capabilities := o.Object("capabilities")
	before := capabilities.Text(name)
	if requested {
		capabilities[name] = "active"
	} else {
		capabilities[name] = "inactive"
	}
	if before == capabilities.Text(name) {
		return
	}
	t.Emit("capability.updated", capability(t, o, name))
}

// capability is one capability of an account, as an object of its own.
func capability(t *resource.Tx, account resource.Object, name string) resource.Object {
	o := t.Blank("capability")
	status := account.Object("capabilities").Text(name)
	o["id"], o["account"], o["status"], o["requested"] = name, account.ID(), "unrequested", status == "active"
	if status != "" {
		o["status"], o["requested_at"] = status, account["created"]
	}
	return o
}

func listCapabilities(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := find(t, r.PathParam("account"))
	if refusal != nil {
		return nil, refusal
	}
	data := []any{}
	for _, name := range slices.Sorted(maps.Keys(account.Object("capabilities"))) {
		data = append(data, capability(t, account, name))
	}
	return resource.Object{"object": "list", "data": data, "has_more": false, "url": r.Path}, nil
}

func getCapability(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := find(t, r.PathParam("account"))
	if refusal != nil {
		return nil, refusal
	}
	if !capable[r.Subject()] {
		return nil, missingCapability(r.Subject())
	}
	return capability(t, account, r.Subject()), nil
}

func requestCapability(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := find(t, r.PathParam("account"))
	if refusal != nil {
		return nil, refusal
	}
	if !capable[r.Subject()] {
		return nil, missingCapability(r.Subject())
	}
	if r.Params.Has("requested") {
		before := account.Clone()
		setCapability(t, account, r.Subject(), r.Params.Bool("requested"))
		enable(account)
		t.Put(account)
		t.EmitUpdate("account.updated", before, account)
	}
	return capability(t, account, r.Subject()), nil
}

func missingCapability(name string) *resource.Refusal {
	refusal := resource.Missing("capability", name, "capability")
	refusal.Status = 404
	return refusal
}
