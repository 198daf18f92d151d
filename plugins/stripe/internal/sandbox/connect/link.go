package connect

import (
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// linkLifetime is how long an account link is good
// (https://docs.stripe.com/api/account_links/object).
const linkLifetime = 5 * time.Minute

func links() resource.Module {
	return resource.Module{Operations: map[string]resource.Operation{
		"PostAccountLinks":              createAccountLink,
		"PostAccountsAccountLoginLinks": createLoginLink,
	}}
}

// createAccountLink makes a link to a page that leads straight back, since accounts
// of the sandbox need no onboarding.
func createAccountLink(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if _, refusal := t.Get(Account, r.Params.Text("account"), "account"); refusal != nil {
		return nil, refusal
	}
	for _, name := range []string{"refresh_url", "return_url"} {
		if !r.Params.Set(name) {
			return nil, resource.Invalid(name, "parameter_missing", "Missing required param: %s.", name)
		}
	}
	o := t.Blank("account_link")
	o["created"], o["expires_at"], o["url"] = t.Now().Unix(), t.Now().Add(linkLifetime).Unix(), r.Params.Text("return_url")
	return o, nil
}

func createLoginLink(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	account, refusal := find(t, r.PathParam("account"))
	if refusal != nil {
		return nil, refusal
	}
	if account.Text("type") != "express" {
		return nil, resource.Unexpected("", "Cannot create a login link for an account that is not an Express account.")
	}
	return nil, resource.Invalid("", "", "The sandbox has no Dashboard of connected accounts, so it makes no login links.")
}
