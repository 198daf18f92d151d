package connect

import (
	"maps"
	"slices"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Account is the type of accounts.
const Account = "account"

// Own is the id of the account that the sandbox is.
const Own = "acct_1SandboxAccount0"

func accounts() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Account: "acct"},
		Operations: map[string]resource.Operation{
			"GetAccount":                                getOwn,
			"PostAccounts":                              createAccount,
			"GetAccounts":                               resource.Lister(Account),
			"GetAccountsAccount":                        getAccount,
			"PostAccountsAccount":                       updateAccount,
			"DeleteAccountsAccount":                     deleteAccount,
			"PostAccountsAccountReject":                 rejectAccount,
			"GetAccountsAccountCapabilities":            listCapabilities,
			"GetAccountsAccountCapabilitiesCapability":  getCapability,
			"PostAccountsAccountCapabilitiesCapability": requestCapability,
		},
	}
}

// getOwn returns the account that the request acts for.
func getOwn(t *resource.Tx, _ *resource.Request) (resource.Object, *resource.Refusal) {
	o := t.Blank(Account)
	o["id"], o["email"] = Own, "sandbox@example.com"
	if t.Account() != "" {
		o["id"] = t.Account()
	}
	o["created"] = t.Now().Unix()
	enable(o)
	return shown(t, o), nil
}

func createAccount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if t.Account() != "" {
		return nil, resource.Invalid("", "", "The sandbox makes connected accounts of its own account alone.")
	}
	o := t.New(Account)
	o["id"] = "acct_1" + random.Text(15)
	o["type"], o["capabilities"], o["requirements"] = "standard", resource.Object{}, met(o.Object("requirements"))
	if kind := r.Params.Text("type"); kind != "" {
		o["type"] = kind
	}
	o["controller"] = resource.Object{"type": "application"}
	if o.Text("type") == "standard" {
		o["controller"] = resource.Object{"type": "account"}
	}
	resource.Assign(o, r.Params, "country")
	if refusal := applyAccount(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("account.updated", o)
	return shown(t, o), nil
}

// applyAccount copies params to an account.
func applyAccount(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	for _, name := range []string{"business_profile", "settings", "tos_acceptance"} {
		if given := params.Object(name); given != nil {
			resource.Merge(o.Object(name), given)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(params.Object("capabilities"))) {
		given := params.Object("capabilities").Object(name)
		if !given.Has("requested") {
			continue
		}
		if !capable[name] {
			return resource.Invalid("capabilities["+name+"]", "parameter_unknown", "The sandbox has no capability %q.", name)
		}
		setCapability(t, o, name, given.Bool("requested"))
	}
	enable(o)
	return resource.Update(o, params, "business_type", "default_currency", "email")
}

// met are requirements of which none is left: the sandbox verifies nobody.
func met(requirements resource.Object) resource.Object {
	for _, name := range []string{"currently_due", "eventually_due", "past_due", "pending_verification"} {
		requirements[name] = []any{}
	}
	requirements["disabled_reason"] = nil
	return requirements
}

// enable says what an account may do by its capabilities.
func enable(o resource.Object) {
	capabilities := o.Object("capabilities")
	charges := capabilities.Text("card_payments") == "active" || o.Text("type") == "standard"
	o["charges_enabled"], o["payouts_enabled"] = charges, charges || capabilities.Text("transfers") == "active"
	o["details_submitted"] = true
}

// shown is an account as Stripe shows it, with its bank accounts.
func shown(t *resource.Tx, o resource.Object) resource.Object {
	o["external_accounts"] = t.Sublist(banksOf(o.ID()), resource.URL("accounts", o.ID(), "external_accounts"))
	return o
}

func getAccount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if r.Subject() == Own || r.Subject() == t.Account() && t.Account() != "" {
		return getOwn(t, r)
	}
	o, refusal := find(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	return shown(t, o), nil
}

// find returns a connected account. To those that are not there Stripe says that the
// key may not act for them (https://docs.stripe.com/api/errors).
func find(t *resource.Tx, id string) (resource.Object, *resource.Refusal) {
	o, ok := t.Find(Account, id)
	if !ok {
		refusal := resource.Missing(Account, id, "account")
		refusal.Status = 404
		return nil, refusal
	}
	return o, nil
}

func updateAccount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := find(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := applyAccount(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("account.updated", before, o)
	return shown(t, o), nil
}

func deleteAccount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := find(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	for _, name := range slices.Sorted(maps.Keys(o.Object("capabilities"))) {
		t.Remove(capability(t, o, name))
	}
	return t.Remove(o), nil
}

func rejectAccount(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := find(t, r.Subject())
	if refusal != nil {
		return nil, refusal
	}
	reason := r.Params.Text("reason")
	if !slices.Contains([]string{"fraud", "terms_of_service", "other"}, reason) {
		return nil, resource.Invalid("reason", "", "reason is one of fraud, terms_of_service, other.")
	}
	before := o.Clone()
	o["charges_enabled"], o["payouts_enabled"] = false, false
	o.Object("requirements")["disabled_reason"] = "rejected." + reason
	t.Put(o)
	t.EmitUpdate("account.updated", before, o)
	return shown(t, o), nil
}
