package checkout

import (
	"net/http"
	"net/url"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// linkPath is the first part of the path of the pages of payment links.
const linkPath = "pay"

func links() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Link: "plink"},
		Operations: map[string]resource.Operation{
			"PostPaymentLinks":                    createLink,
			"GetPaymentLinks":                     resource.Lister(Link, "active"),
			"GetPaymentLinksPaymentLink":          resource.Getter(Link),
			"PostPaymentLinksPaymentLink":         updateLink,
			"GetPaymentLinksPaymentLinkLineItems": items(Link),
		},
		Includes: map[string]resource.Include{Link + ".line_items": included("payment_links")},
		Pages:    map[string]resource.Page{linkPath: linkPage},
	}
}

// linkFields are copied from the params as they are.
var linkFields = []string{
	"active", "allow_promotion_codes", "billing_address_collection", "customer_creation", "inactive_message", "payment_method_collection",
	"payment_method_types", "submit_type",
}

func createLink(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	made, currency, refusal := readItems(t, r.Params, "")
	if refusal == nil && len(made) == 0 {
		refusal = resource.Invalid("line_items", "parameter_missing", "Missing required param: line_items.")
	}
	if refusal == nil {
		refusal = checkLink(r.Params)
	}
	if refusal != nil {
		return nil, refusal
	}
	o := t.New(Link)
	o["active"], o["currency"], o["custom_fields"], o["shipping_options"] = true, currency, []any{}, []any{}
	o["after_completion"] = resource.Object{"type": "hosted_confirmation", "hosted_confirmation": resource.Object{"custom_message": nil}}
	if refusal := applyLink(o, r.Params); refusal != nil {
		return nil, refusal
	}
	o["url"] = page(t, linkPath, o.ID())
	t.Put(o)
	hide(t, o.ID(), made, r.Params)
	t.Emit("payment_link.created", o)
	return o, nil
}

// checkLink refuses what the sandbox does not do.
func checkLink(params resource.Object) *resource.Refusal {
	for _, name := range []string{"automatic_tax", "invoice_creation", "tax_id_collection", "phone_number_collection"} {
		if params.Object(name).Bool("enabled") {
			return resource.NotDone(name, "do that on the page of a payment link")
		}
	}
	for _, name := range []string{"shipping_options", "custom_fields", "application_fee_amount", "application_fee_percent", "transfer_data", "on_behalf_of", "restrictions", "shipping_address_collection"} {
		if params.Set(name) && len(params.List(name)) > 0 || params.Set(name) && params.List(name) == nil {
			return resource.NotDone(name, "do that on the page of a payment link")
		}
	}
	return nil
}

// applyLink copies params to a link.
func applyLink(o, params resource.Object) *resource.Refusal {
	if after := params.Object("after_completion"); after != nil {
		shown := resource.Object{"type": after.Text("type")}
		switch after.Text("type") {
		case "redirect":
			shown["redirect"] = resource.Object{"url": after.Object("redirect").Text("url")}
		default:
			part := resource.Object{"custom_message": nil}
			resource.Assign(part, after.Object("hosted_confirmation"), "custom_message")
			shown["hosted_confirmation"] = part
		}
		o["after_completion"] = shown
	}
	return resource.Update(o, params, linkFields...)
}

func updateLink(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Link)
	if refusal == nil {
		refusal = checkLink(r.Params)
	}
	if refusal == nil && len(r.Params.List("line_items")) > 0 {
		refusal = resource.NotDone("line_items", "change the items of a payment link: make another one")
	}
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := applyLink(o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("payment_link.updated", before, o)
	return o, nil
}

// linkPage begins a session for each visitor, and leads to its page.
func linkPage(t *resource.Tx, path []string, form url.Values) resource.PageResult {
	if len(path) != 1 {
		return notFound()
	}
	o, ok := t.Find(Link, path[0])
	if !ok {
		return notFound()
	}
	shown := shownPage{Title: "Sandbox payment link", ID: o.ID(), Status: "active"}
	if !o.Bool("active") {
		shown.Status, shown.Notice = "inactive", o.Text("inactive_message")
		return shown.show(http.StatusOK)
	}
	for _, one := range kept(t, o.ID()).Objects("items") {
		shown.Lines = append(shown.Lines, one.Text("description"))
	}
	if form == nil {
		shown.Buttons = []choice{{"begin", "Buy"}}
		return shown.show(http.StatusOK)
	}
	session, refusal := begin(t, o)
	if refusal != nil {
		shown.Notice = refusal.Message
		return shown.show(http.StatusBadRequest)
	}
	return resource.PageResult{Status: http.StatusSeeOther, Location: session.Text("url")}
}

// begin makes the session of a link.
func begin(t *resource.Tx, o resource.Object) (resource.Object, *resource.Refusal) {
	hidden, mode := kept(t, o.ID()), modePayment
	var wanted []any
	for _, one := range hidden.Objects("items") {
		if one.Object("price").Object("recurring") != nil {
			mode = modeRecurring
		}
		wanted = append(wanted, resource.Object{"price": one.Object("price").ID(), "quantity": one.Int("quantity")})
	}
	params := resource.Object{"mode": mode, "payment_link": o.ID(), "line_items": wanted, "metadata": o["metadata"]}
	resource.Assign(params, o, "allow_promotion_codes", "billing_address_collection", "payment_method_collection")
	resource.Assign(params, hidden, "payment_intent_data", "subscription_data")
	if mode == modePayment {
		resource.Assign(params, o, "customer_creation", "submit_type")
		delete(params, "subscription_data")
	} else {
		delete(params, "payment_intent_data")
	}
	if redirect := o.Object("after_completion").Object("redirect").Text("url"); redirect != "" {
		params["success_url"] = redirect
	}
	return newSession(t, params)
}
