package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// endpoint is a webhook endpoint, as far as it is compared
// (https://docs.stripe.com/api/webhook_endpoints/object).
type endpoint struct {
	ID            string            `json:"id"`
	URL           string            `json:"url"`
	Status        string            `json:"status"`
	EnabledEvents []string          `json:"enabled_events"`
	APIVersion    string            `json:"api_version"`
	Application   string            `json:"application"`
	Metadata      map[string]string `json:"metadata"`
	Secret        string            `json:"secret"`
}

const (
	endpointsPath = "/v1/webhook_endpoints"
	// endpointMark is the name in the metadata of an endpoint that holds the name of the
	// webhook it was registered for.
	endpointMark = "backflow_webhook"
	// allEvents is what Stripe calls all types, but for those that have to be named.
	allEvents = "*"
	// endpointPages is more than the endpoints that an account may have
	// (https://docs.stripe.com/webhooks#register-webhook).
	endpointPages = 10
)

// syncEndpoint registers the address of a webhook as a webhook endpoint of Stripe, or
// changes the one that is there: that with the address. It is of the webhook if its
// metadata says so; another one with the address is adopted where it is the only one,
// also one that was registered for a webhook of another name: nothing else is at its
// address, so that the webhook has been renamed. What has another address is left alone,
// whatever its metadata says: another gateway may have a webhook of that name.
func (p *plugin) syncEndpoint(ctx context.Context, wanted sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	if p.client == nil {
		return sdk.EndpointSync{}, sdk.Refuse(sdk.CodeUnavailable, "stripe is not configured")
	}
	types, err := p.eventTypes(wanted.Types)
	if err != nil {
		return sdk.EndpointSync{}, err
	}
	all, err := p.endpoints(ctx)
	if err != nil {
		return sdk.EndpointSync{}, err
	}
	found, err := chooseEndpoint(all, wanted)
	if err != nil {
		return sdk.EndpointSync{}, err
	}
	sync := sdk.EndpointSync{Action: sdk.EndpointCreate, URL: wanted.URL, Types: types, Version: p.speaks(), Notes: elsewhere(all, wanted)}
	if found != nil {
		p.compare(&sync, found, wanted.Webhook)
	}
	if !wanted.Apply || sync.Action == sdk.EndpointKeep {
		return sync, nil
	}
	made, err := p.writeEndpoint(ctx, sync, wanted)
	if err != nil {
		return sdk.EndpointSync{}, err
	}
	sync.ID, sync.Secret = made.ID, made.Secret
	return sync, nil
}

// chooseEndpoint returns the endpoint of a webhook, or nil. Those of Connect applications
// have an address for other events, and are left alone.
func chooseEndpoint(all []endpoint, wanted sdk.SyncEndpointRequest) (*endpoint, error) {
	var there []endpoint
	for _, e := range all {
		if e.URL != wanted.URL {
			continue
		}
		if e.Metadata[endpointMark] == wanted.Webhook {
			return &e, nil
		}
		if e.Application == "" {
			there = append(there, e)
		}
	}
	switch len(there) {
	case 0:
		return nil, nil
	case 1:
		return &there[0], nil
	}
	ids := make([]string, len(there))
	for i, e := range there {
		ids[i] = e.ID
	}
	return nil, sdk.Refuse(sdk.CodeConflict, "stripe: there are %d endpoints with the address %s (%s): which of them is meant cannot be told; delete all but one, or give one of them the metadata %s=%s",
		len(there), wanted.URL, strings.Join(ids, ", "), endpointMark, wanted.Webhook)
}

// elsewhere notes endpoints of a webhook of that name that have another address.
func elsewhere(all []endpoint, wanted sdk.SyncEndpointRequest) (notes []string) {
	for _, e := range all {
		if e.URL != wanted.URL && e.Metadata[endpointMark] == wanted.Webhook {
			notes = append(notes, fmt.Sprintf("%s was registered for a webhook of this name at %s, and is left as it is: delete it at Stripe if nothing is there any more", e.ID, e.URL))
		}
	}
	return notes
}

// compare says what is to be changed of an endpoint that is there.
func (p *plugin) compare(sync *sdk.EndpointSync, found *endpoint, webhook string) {
	sync.Action, sync.ID = sdk.EndpointKeep, found.ID
	if sync.Version = found.APIVersion; sync.Version != p.speaks() {
		what := "the version " + found.APIVersion
		if found.APIVersion == "" {
			sync.Version, what = "", "the version that the account has by default"
		}
		sync.Notes = append(sync.Notes, fmt.Sprintf("its events have %s, and the plugin speaks %s: Stripe cannot change that; an endpoint that is deleted and registered again has it", what, p.speaks()))
	}
	change := func(field, from, to string) {
		if from != to {
			sync.Action = sdk.EndpointUpdate
			sync.Changes = append(sync.Changes, sdk.EndpointChange{Field: field, From: from, To: to})
		}
	}
	before := slices.Sorted(slices.Values(found.EnabledEvents))
	change("enabled_events", strings.Join(before, " "), strings.Join(sync.Types, " "))
	change("status", found.Status, "enabled")
	change("metadata."+endpointMark, found.Metadata[endpointMark], webhook)
}

// writeEndpoint makes the endpoint, or changes it.
func (p *plugin) writeEndpoint(ctx context.Context, sync sdk.EndpointSync, wanted sdk.SyncEndpointRequest) (endpoint, error) {
	path := endpointsPath
	fields := []form.Field{{Name: "metadata[" + endpointMark + "]", Value: wanted.Webhook}}
	for i, name := range sync.Types {
		fields = append(fields, form.Field{Name: fmt.Sprintf("enabled_events[%d]", i), Value: name})
	}
	if sync.Action == sdk.EndpointCreate {
		fields = append(fields,
			form.Field{Name: "url", Value: wanted.URL}, form.Field{Name: "api_version", Value: p.speaks()},
			form.Field{Name: "description", Value: "Backflow: the webhook " + wanted.Webhook},
		)
	} else {
		path += "/" + sync.ID
		fields = append(fields, form.Field{Name: "disabled", Value: "false"})
	}
	result, err := p.client.Do(ctx, api.Request{Method: http.MethodPost, Path: path, Body: api.Form(fields), Version: p.version, IdempotencyKey: wanted.IdempotencyKey})
	if err != nil {
		return endpoint{}, err
	}
	var made endpoint
	if err := json.Unmarshal(result.Body, &made); err != nil || made.ID == "" {
		return endpoint{}, sdk.Executed(sdk.CodeUpstream, "stripe: what Stripe answered is not a webhook endpoint")
	}
	return made, nil
}

// endpointID is what the id of an endpoint looks like, which stands in a path.
var endpointID = regexp.MustCompile(`^we_[A-Za-z0-9_]{1,250}$`)

// endpoints returns all webhook endpoints of the account, in the mode of the key.
func (p *plugin) endpoints(ctx context.Context) ([]endpoint, error) {
	var all []endpoint
	query := []form.Field{{Name: "limit", Value: "100"}}
	for range endpointPages {
		body, err := p.get(ctx, endpointsPath, query)
		if err != nil {
			return nil, err
		}
		var read struct {
			Data    []endpoint `json:"data"`
			HasMore bool       `json:"has_more"`
		}
		if err := json.Unmarshal(body, &read); err != nil {
			return nil, sdk.Fail(sdk.CodeUpstream, "stripe: what Stripe answered is not a list of webhook endpoints")
		}
		for _, e := range read.Data {
			if !endpointID.MatchString(e.ID) {
				return nil, sdk.Fail(sdk.CodeUpstream, "stripe: what Stripe answered is not a list of webhook endpoints")
			}
		}
		all = append(all, read.Data...)
		if !read.HasMore || len(read.Data) == 0 {
			return all, nil
		}
		query = []form.Field{{Name: "limit", Value: "100"}, {Name: "starting_after", Value: all[len(all)-1].ID}}
	}
	return nil, sdk.Refuse(sdk.CodeRejected, "stripe: the account has more than %d webhook endpoints", len(all))
}

// eventTypes returns the types that an endpoint is to get, sorted: those of the API's
// description that a pattern means.
func (p *plugin) eventTypes(patterns []string) ([]string, error) {
	if len(patterns) == 0 || slices.Contains(patterns, allEvents) {
		return []string{allEvents}, nil
	}
	known, err := p.knownTypes()
	if err != nil {
		return nil, err
	}
	var types []string
	for _, pattern := range patterns {
		if isThin(pattern) {
			return nil, sdk.Refuse(sdk.CodeRejected, "stripe: %q is a type of thin events, which Stripe sends to event destinations and not to webhook endpoints: make one in its Workbench", pattern)
		}
		meant := matching(pattern, known)
		if len(meant) == 0 {
			message := fmt.Sprintf("stripe: no type of event of Stripe's API of version %s is %q", p.speaks(), pattern)
			if hint := suggest.Hint(pattern, known); hint != "" {
				message += " (" + hint + ")"
			}
			return nil, sdk.Refuse(sdk.CodeRejected, "%s", message)
		}
		types = append(types, meant...)
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// matching returns the names that a pattern means, in which "*" is any text.
func matching(pattern string, names []string) []string {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	whole, err := regexp.Compile("^" + strings.Join(parts, ".*") + "$")
	if err != nil {
		return nil // what is quoted compiles
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !whole.MatchString(name) })
}

// knownTypes are the types that the description has for webhook endpoints.
func (p *plugin) knownTypes() ([]string, error) {
	operation, err := p.operation("PostWebhookEndpoints")
	if err != nil {
		return nil, sdk.Refuse(sdk.CodeRejected, "stripe: the description in credentials.stripe.apiDescription has no PostWebhookEndpoints, which says what types of events there are")
	}
	takes, err := operation.Params()
	if err != nil {
		return nil, sdk.Refuse(sdk.CodeInternal, "stripe: %v", err)
	}
	raw, err := json.Marshal(takes.Schema())
	if err != nil {
		return nil, err
	}
	var schema struct {
		Properties struct {
			EnabledEvents struct {
				Items struct {
					Enum []string `json:"enum"`
				} `json:"items"`
			} `json:"enabled_events"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(schema.Properties.EnabledEvents.Items.Enum, func(name string) bool { return name == allEvents }), nil
}
