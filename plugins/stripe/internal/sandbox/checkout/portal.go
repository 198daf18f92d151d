package checkout

import (
	"net/http"
	"net/url"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// portalPath is the first part of the path of the pages of portal sessions.
const portalPath = "portal"

func portal() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{PortalSession: "bps", PortalConfiguration: "bpc"},
		Operations: map[string]resource.Operation{
			"PostBillingPortalSessions":                    createPortalSession,
			"PostBillingPortalConfigurations":              createConfiguration,
			"GetBillingPortalConfigurations":               resource.Lister(PortalConfiguration, "active", "is_default"),
			"GetBillingPortalConfigurationsConfiguration":  resource.Getter(PortalConfiguration),
			"PostBillingPortalConfigurationsConfiguration": updateConfiguration,
		},
		Pages: map[string]resource.Page{portalPath: portalPage},
	}
}

func createConfiguration(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o := newConfiguration(t)
	if refusal := applyConfiguration(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("billing_portal.configuration.created", o)
	return o, nil
}

// newConfiguration is a configuration in which everything is switched off.
func newConfiguration(t *resource.Tx) resource.Object {
	o := t.New(PortalConfiguration)
	o["active"], o["is_default"], o["livemode"], o["metadata"] = true, false, false, resource.Object{}
	o["business_profile"] = resource.Object{"headline": nil, "privacy_policy_url": nil, "terms_of_service_url": nil}
	o["features"] = resource.Object{
		"customer_update":       resource.Object{"allowed_updates": []any{}, "enabled": false},
		"invoice_history":       resource.Object{"enabled": false},
		"payment_method_update": resource.Object{"enabled": false},
		"subscription_cancel": resource.Object{
			"cancellation_reason": resource.Object{"enabled": false, "options": []any{}}, "enabled": false, "mode": "at_period_end", "proration_behavior": "none",
		},
		"subscription_pause":  resource.Object{"enabled": false},
		"subscription_update": resource.Object{"default_allowed_updates": []any{}, "enabled": false, "proration_behavior": "none"},
	}
	o["login_page"] = resource.Object{"enabled": false, "url": nil}
	return o
}

// applyConfiguration copies params to a configuration, down to the values of what it
// has.
func applyConfiguration(t *resource.Tx, o, params resource.Object) *resource.Refusal {
	if params.Object("login_page").Bool("enabled") {
		return resource.NotDone("login_page[enabled]", "have a login page of the portal")
	}
	for _, name := range []string{"business_profile", "features"} {
		resource.Merge(o.Object(name), params.Object(name))
	}
	o["updated"] = t.Now().Unix()
	return resource.Update(o, params, "active", "default_return_url")
}

func updateConfiguration(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, PortalConfiguration)
	if refusal != nil {
		return nil, refusal
	}
	before := o.Clone()
	if refusal := applyConfiguration(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("billing_portal.configuration.updated", before, o)
	return o, nil
}

func createPortalSession(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	customer, refusal := t.Get(payment.Customer, r.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	if r.Params.Object("flow_data") != nil {
		return nil, resource.NotDone("flow_data", "lead through one flow of the portal")
	}
	configuration, refusal := configurationOf(t, r.Params)
	if refusal != nil {
		return nil, refusal
	}
	o := t.New(PortalSession)
	o["customer"], o["configuration"], o["livemode"] = customer.ID(), configuration.ID(), false
	o["return_url"] = configuration["default_return_url"]
	resource.Assign(o, r.Params, "locale", "on_behalf_of", "return_url")
	o["url"] = page(t, portalPath, o.ID())
	t.Put(o)
	t.Emit("billing_portal.session.created", o)
	return o, nil
}

// configurationOf is the configuration that is asked for, else the default one, which
// is made when it is first needed.
func configurationOf(t *resource.Tx, params resource.Object) (resource.Object, *resource.Refusal) {
	if id := params.Text("configuration"); id != "" {
		return t.Get(PortalConfiguration, id, "configuration")
	}
	for _, o := range t.All(resource.Filter{Kind: PortalConfiguration}) {
		if o.Bool("is_default") {
			return o, nil
		}
	}
	o := newConfiguration(t)
	o["is_default"] = true
	o.Object("features").Object("subscription_cancel")["enabled"] = true
	t.Put(o)
	t.Emit("billing_portal.configuration.created", o)
	return o, nil
}

// portalPage shows the subscriptions of a customer. Where the configuration lets them,
// customers cancel one: "outcome" is its id.
func portalPage(t *resource.Tx, path []string, form url.Values) resource.PageResult {
	if len(path) != 1 {
		return notFound()
	}
	o, ok := t.Find(PortalSession, path[0])
	if !ok {
		return notFound()
	}
	configuration, _ := t.Find(PortalConfiguration, o.Ref("configuration"))
	cancel := configuration.Object("features").Object("subscription_cancel")
	shown := shownPage{Title: "Sandbox customer portal", ID: o.Text("customer"), Status: "customer", Back: o.Text("return_url")}
	status := http.StatusOK
	if form != nil {
		if refusal := cancelOne(t, o, cancel, form.Get("outcome")); refusal != nil {
			shown.Notice, status = refusal.Message, http.StatusBadRequest
		}
	}
	for _, subscription := range t.All(resource.Filter{Kind: "subscription", Equal: map[string]string{"customer": o.Text("customer")}}) {
		line := subscription.ID() + ": " + subscription.Text("status")
		if subscription.Bool("cancel_at_period_end") {
			line += ", ends with its period"
		} else if cancel.Bool("enabled") && subscription.Text("status") != "canceled" {
			shown.Buttons = append(shown.Buttons, choice{subscription.ID(), "Cancel " + subscription.ID()})
		}
		shown.Lines = append(shown.Lines, line)
	}
	return shown.show(status)
}

// cancelOne cancels a subscription of the customer of a portal session.
func cancelOne(t *resource.Tx, o, cancel resource.Object, id string) *resource.Refusal {
	subscription, refusal := t.Get("subscription", id, "outcome")
	switch {
	case refusal != nil:
		return refusal
	case subscription.Text("customer") != o.Text("customer") || !cancel.Bool("enabled"):
		return resource.Invalid("outcome", "", "Customers cannot cancel that here.")
	case cancel.Text("mode") == "immediately":
		_, refusal = t.Do("DeleteSubscriptionsSubscriptionExposedId", map[string]string{"subscription_exposed_id": id}, resource.Object{})
	default:
		_, refusal = t.Do("PostSubscriptionsSubscriptionExposedId", map[string]string{"subscription_exposed_id": id}, resource.Object{"cancel_at_period_end": true})
	}
	return refusal
}
