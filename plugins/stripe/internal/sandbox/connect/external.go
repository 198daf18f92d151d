package connect

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Bank is the type of bank accounts.
const Bank = "bank_account"

// bankPrefix begins the ids of bank accounts; the last four digits of the number
// follow, by which a payout knows a test account again.
const bankPrefix = "ba_1S"

// failing are the test account numbers to which payouts fail, by their last digits
// (https://docs.stripe.com/connect/testing#account-numbers).
var failing = map[string]string{
	"1116": "no_account", "1113": "account_closed", "2227": "insufficient_funds", "3335": "debit_not_authorized", "4440": "invalid_currency",
}

// Fails returns why payouts to a bank account fail; ok is false where they do not.
func Fails(id string) (code string, ok bool) {
	rest, ok := strings.CutPrefix(id, bankPrefix)
	if !ok || len(rest) < 4 {
		return "", false
	}
	code, ok = failing[rest[:4]]
	return code, ok
}

func externalAccounts() resource.Module {
	operations := map[string]resource.Operation{}
	for _, path := range []string{"ExternalAccounts", "BankAccounts"} {
		operations["PostAccountsAccount"+path] = addBank
		operations["GetAccountsAccount"+path+"Id"] = getBank
		operations["PostAccountsAccount"+path+"Id"] = updateBank
		operations["DeleteAccountsAccount"+path+"Id"] = removeBank
	}
	operations["GetAccountsAccountExternalAccounts"] = listBanks
	return resource.Module{Operations: operations}
}

// banksOf are the bank accounts of an account.
func banksOf(account string) resource.Filter {
	return resource.Filter{Kind: Bank, Equal: map[string]string{"account": account}}
}

// holder returns the account in the path, which may be the sandbox's own.
func holder(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if id := r.PathParam("account"); id != Own {
		return find(t, id)
	}
	return getOwn(t, r)
}

func addBank(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := holder(t, r)
	if refusal != nil {
		return nil, refusal
	}
	given, refusal := bankOf(r.Params)
	if refusal != nil {
		return nil, refusal
	}
	number := given.Text("account_number")
	currency, refusal := payment.Currency(given)
	if refusal != nil {
		return nil, refusal
	}
	o := t.Blank(Bank)
	last4 := number[len(number)-4:]
	o["id"], o["last4"], o["currency"], o["account"] = bankPrefix+last4+random.Text(16), last4, currency, account.ID()
	o["country"], o["status"], o["bank_name"] = strings.ToUpper(given.Text("country")), "new", "STRIPE TEST BANK"
	resource.Assign(o, given, "account_holder_name", "account_holder_type", "account_type", "routing_number")
	o["default_for_currency"] = len(t.All(resource.Filter{Kind: Bank, Equal: map[string]string{"account": account.ID(), "currency": currency}})) == 0
	if refusal := resource.Metadata(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("account.external_account.created", o)
	return o, nil
}

// testTokens are bank accounts of the sandbox's that stand for a test account number
// each (https://docs.stripe.com/connect/testing#account-numbers).
var testTokens = map[string]string{
	"btok_us_verified": "000123456789", "btok_us": "000123456789", "btok_us_verified_noAccount": "000111111116",
	"btok_us_verified_accountClosed": "000111111113", "btok_us_verified_insufficientFunds": "000222222227",
	"btok_us_verified_debitNotAuthorized": "000333333335", "btok_us_verified_invalidCurrency": "000444444440",
}

// bankOf reads the bank account of a request: itself, or a token of one.
func bankOf(params resource.Object) (resource.Object, *resource.Refusal) {
	param, given := "external_account", params.Object("external_account")
	if given == nil && !params.Has(param) {
		param, given = Bank, params.Object(Bank)
	}
	if token := params.Text(param); token != "" {
		number, ok := testTokens[token]
		if !ok {
			return nil, resource.Invalid(param, "resource_missing", "No such token: '%s'. The sandbox has the test bank accounts btok_us_verified, btok_us_verified_noAccount, …AccountClosed and such.", token)
		}
		return resource.Object{"country": "US", "currency": "usd", "routing_number": "110000000", "account_number": number}, nil
	}
	number := given.Text("account_number")
	switch {
	case given == nil:
		return nil, resource.Invalid(param, "parameter_missing", "Missing required param: %s.", param)
	case len(number) < 4 || strings.ContainsFunc(number, func(r rune) bool { return r > '~' || r <= ' ' }):
		return nil, resource.Invalid(param+"[account_number]", "account_number_invalid", "The account number is not valid.")
	}
	return given, nil
}

func listBanks(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := holder(t, r)
	if refusal != nil {
		return nil, refusal
	}
	return t.List(r, banksOf(account.ID()))
}

func getBank(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := holder(t, r)
	if refusal != nil {
		return nil, refusal
	}
	o, ok := t.Find(Bank, r.Subject())
	if !ok || o.Text("account") != account.ID() {
		return nil, resource.MissingSubject("external account", r.Subject())
	}
	return o, nil
}

func updateBank(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := getBank(t, r)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "account_holder_name", "account_holder_type", "account_type"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("account.external_account.updated", before, o)
	return o, nil
}

func removeBank(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := getBank(t, r)
	if refusal != nil {
		return nil, refusal
	}
	gone := t.Remove(o)
	t.Emit("account.external_account.deleted", o)
	return gone, nil
}
