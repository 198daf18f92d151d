package sandbox

import (
	"net"
	"net/url"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/deliver"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// secrets of webhook endpoints are shown once, so they are stored apart from them.
const endpointSecret = resource.OwnKind + "endpoint_secret"

// events and webhook endpoints are what the sandbox itself has operations for.
func endpoints() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{resource.WebhookEndpoint: "we"},
		Operations: map[string]resource.Operation{
			"GetEvents":                             listEvents,
			"GetEventsId":                           getEvent,
			"PostWebhookEndpoints":                  createEndpoint,
			"GetWebhookEndpoints":                   resource.Lister(resource.WebhookEndpoint),
			"GetWebhookEndpointsWebhookEndpoint":    resource.Getter(resource.WebhookEndpoint),
			"PostWebhookEndpointsWebhookEndpoint":   updateEndpoint,
			"DeleteWebhookEndpointsWebhookEndpoint": deleteEndpoint,
		},
	}
}

func getEvent(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, resource.Event)
	if refusal != nil {
		return nil, refusal
	}
	o["pending_webhooks"] = t.Pending(o.ID())
	return o, nil
}

func listEvents(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	types := r.Params.Texts("types")
	if one := r.Params.Text("type"); one != "" {
		if len(types) > 0 {
			return nil, resource.Invalid("type", "parameter_invalid", "You may only specify one of these parameters: type, types.")
		}
		types = []string{one}
	}
	delivered := r.Params["delivery_success"]
	f := resource.Filter{Kind: resource.Event, Keep: func(o resource.Object) bool { return wanted(types, o.Text("type")) }}
	if success, ok := delivered.(bool); ok {
		pending := t.PendingEvents()
		keep := f.Keep
		f.Keep = func(o resource.Object) bool { return keep(o) && pending[o.ID()] != success }
	}
	list, refusal := t.List(r, f)
	for _, o := range list.Objects("data") {
		o["pending_webhooks"] = t.Pending(o.ID())
	}
	return list, refusal
}

// wanted says whether a type of event is one of several; "charge.*" is a group.
func wanted(types []string, kind string) bool {
	for _, one := range types {
		group, ok := strings.CutSuffix(one, "*")
		if one == kind || ok && strings.HasPrefix(kind, group) {
			return true
		}
	}
	return len(types) == 0
}

// loopback says whether an address is on this machine, which is all that the sandbox
// sends to.
func loopback(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.User != nil {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	return parsed.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func checkURL(params resource.Object) *resource.Refusal {
	if params.Has("url") && !loopback(params.Text("url")) {
		return resource.Invalid("url", "url_invalid", "Invalid URL: the sandbox sends to this machine only, such as http://127.0.0.1:3000/webhooks/stripe.")
	}
	return nil
}

func createEndpoint(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := checkURL(r.Params); refusal != nil {
		return nil, refusal
	}
	o := t.New(resource.WebhookEndpoint)
	o["status"] = "enabled"
	if refusal := resource.Update(o, r.Params, "url", "enabled_events", "api_version", "description"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	secret := "whsec_" + random.Text(32)
	t.Put(resource.Object{"id": o.ID(), "object": endpointSecret, "secret": secret})
	shown := o.Clone()
	shown["secret"] = secret
	return shown, nil
}

func updateEndpoint(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, resource.WebhookEndpoint)
	if refusal == nil {
		refusal = checkURL(r.Params)
	}
	if refusal != nil {
		return nil, refusal
	}
	if r.Params.Has("disabled") {
		o["status"] = "enabled"
		if r.Params.Bool("disabled") {
			o["status"] = "disabled"
		}
	}
	if refusal := resource.Update(o, r.Params, "url", "enabled_events", "description"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	return o, nil
}

func deleteEndpoint(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, resource.WebhookEndpoint)
	if refusal != nil {
		return nil, refusal
	}
	t.Remove(resource.Object{"id": o.ID(), "object": endpointSecret})
	t.StopTarget(resource.EndpointTarget(t.Account(), o.ID()))
	return t.Remove(o), nil
}

// endpoint finds the endpoint that a target names, for the deliverer.
func (s *Sandbox) endpoint(tx *store.Tx, target string) (deliver.Target, bool) {
	account, id, ok := resource.SplitEndpointTarget(target)
	if !ok {
		return deliver.Target{}, false
	}
	now := s.clock.Now()
	t := s.env.Begin(tx, account, now, now, nil)
	o, found := t.Find(resource.WebhookEndpoint, id)
	secret, kept := t.Find(endpointSecret, id)
	if !found || !kept || !loopback(o.Text("url")) {
		return deliver.Target{}, false
	}
	return deliver.Target{Name: id, URL: o.Text("url"), Secret: secret.Text("secret")}, true
}
