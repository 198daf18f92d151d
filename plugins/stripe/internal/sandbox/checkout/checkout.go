// Package checkout is the part of the sandbox in which customers pay on pages of
// Stripe's: Checkout sessions, payment links, and the customer portal. The pages are
// small ones of the sandbox's own, on its loopback address: a person or a test pays
// there, or does not.
//
// The package imports plugins/stripe/internal/sandbox/billing,
// plugins/stripe/internal/sandbox/payment, plugins/stripe/internal/sandbox/rating and
// plugins/stripe/internal/sandbox/resource.
package checkout

import (
	"net/url"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Types of objects.
const (
	Session             = "checkout.session"
	Link                = "payment_link"
	PortalSession       = "billing_portal.session"
	PortalConfiguration = "billing_portal.configuration"
	item                = "item"
)

// Module has the operations and pages of Checkout and of the portal.
func Module() resource.Module { return resource.Join(sessions(), links(), portal()) }

// page is where the page of an object is. Its id is the secret in the path.
func page(t *resource.Tx, first, id string) string {
	account := t.Account()
	if account == "" {
		account = "-"
	}
	return resource.Origin + "/" + first + "/" + url.PathEscape(account) + "/" + id
}

// hidden are what belongs to a session or a link and is not shown in it: its items,
// and how its payment, subscription or setup is to be made. They are kept beside it.
const hidden = "sandbox.checkout"

func hide(t *resource.Tx, id string, items []resource.Object, params resource.Object) {
	kept := resource.Object{"id": id, "object": hidden, "items": items}
	resource.Assign(kept, params, "payment_intent_data", "subscription_data", "setup_intent_data", "discounts")
	t.Put(kept)
}

// kept returns what belongs to a session or a link.
func kept(t *resource.Tx, id string) resource.Object {
	found, _ := t.Find(hidden, id)
	return found
}

// items lists the items of a session or a link.
func items(kind string) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		o, refusal := t.Subject(r, kind)
		if refusal != nil {
			return nil, refusal
		}
		return itemList(t, o.ID(), r.Path, r.Params)
	}
}

// itemList is a page of the items of a session or a link, the first one first.
func itemList(t *resource.Tx, id, path string, params resource.Object) (resource.Object, *resource.Refusal) {
	limit := 10
	if params.Has("limit") {
		limit = int(params.Int("limit"))
	}
	if limit < 1 || limit > 100 {
		return nil, resource.Invalid("limit", "parameter_invalid_integer", "This value must be from 1 to 100.")
	}
	data, more := []any{}, false
	after := params.Text("starting_after")
	for _, one := range kept(t, id).Objects("items") {
		switch {
		case after != "":
			if one.ID() == after {
				after = ""
			}
		case len(data) == limit:
			more = true
		default:
			data = append(data, one)
		}
	}
	return resource.Object{"object": "list", "data": data, "has_more": more, "url": path}, nil
}

// included is the list of the items inside of a session or a link.
func included(path ...string) resource.Include {
	return func(t *resource.Tx, o resource.Object) any {
		list, _ := itemList(t, o.ID(), resource.URL(append(path, o.ID(), "line_items")...), resource.Object{})
		return list
	}
}

// addressed puts the id of a session where its addresses ask for it
// (https://docs.stripe.com/payments/checkout/custom-success-page).
func addressed(address, session string) string {
	return strings.ReplaceAll(address, "{CHECKOUT_SESSION_ID}", session)
}
