package provider

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

// phone is a provider without a plugin whose sender differs from others in every
// way: it sends forms, wants a text as reply, and begins with a challenge.
var phone = Provider{
	Name: "phone", SecretField: "authToken", EventTypes: []string{"call"},
	NewSecret: func() string { return "phone-secret" },
	Verify: func(_ context.Context, request sdk.WebhookRequest) (Verified, error) {
		form, err := url.ParseQuery(string(request.Body))
		if err != nil || form.Get("key") != request.Secrets[0] {
			return Verified{}, &sdk.WebhookRefusal{Reason: "the key is wrong"}
		}
		if challenge := form.Get("challenge"); challenge != "" {
			return Verified{Reply: &Reply{ContentType: "text/plain", Body: []byte(challenge)}}, nil
		}
		payload, err := json.Marshal(map[string]string{"from": form.Get("from")})
		return Verified{
			ID: form.Get("sid"), Type: "call", Payload: payload, Reply: &Reply{ContentType: "text/xml", Body: []byte("<Response/>")},
		}, err
	},
	Sample: func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
		return sdk.Sample{Body: []byte("key=" + request.Secret + "&sid=CA1&from=555")}, nil
	},
}

// fakeIntegration is an integration that may be a provider.
type fakeIntegration struct{ manifest *sdk.Manifest }

func (v fakeIntegration) Manifest() *sdk.Manifest { return v.manifest }

// verifying is one whose plugin runs.
type verifying struct{ fakeIntegration }

func (verifying) VerifyWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return sdk.WebhookEvent{ID: "evt_1", Type: "paid"}, nil
}

func (verifying) SampleWebhook(context.Context, sdk.SampleRequest) (sdk.Sample, error) {
	return sdk.Sample{Body: []byte("{}")}, nil
}

// full is one whose plugin does all that one can.
type full struct{ verifying }

func (full) VerifyWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return sdk.WebhookEvent{
		ID: "1", IDUnsigned: true, Type: "paid", Payload: json.RawMessage(`{"n":1}`), Reply: &sdk.WebhookReply{ContentType: "text/plain", Body: []byte("ok")},
	}, nil
}

func (full) ListEvents(context.Context, sdk.ListEventsRequest) (sdk.EventPage, error) {
	return sdk.EventPage{NextCursor: "more"}, nil
}

func (full) SyncEndpoint(_ context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	return sdk.EndpointSync{URL: request.URL}, nil
}

func TestIntegrationMayDoAllThatAProviderDoes(t *testing.T) {
	manifest := &sdk.Manifest{Name: "shop", Webhook: &sdk.WebhookCapability{
		Methods: []string{"GET"}, SignsURL: true, ListsEvents: true, FetchAction: "about", SyncsEndpoints: true,
	}}
	p, ok := Table{}.Lookup("shop", full{verifying{fakeIntegration{manifest}}})
	if !ok || len(p.Methods) != 1 || p.Methods[0] != "GET" || !p.SignsURL || !p.ListsEvents || p.FetchAction != "about" || !p.SyncsEndpoints {
		t.Errorf("got %+v", p)
	}
	got, err := p.Verify(t.Context(), sdk.WebhookRequest{Body: []byte("signed")})
	want := Verified{ID: "1", Type: "paid", Payload: json.RawMessage(`{"n":1}`), Reply: &Reply{ContentType: "text/plain", Body: []byte("ok")}, Content: []byte("signed")}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if page, err := p.List(t.Context(), sdk.ListEventsRequest{}); err != nil || page.NextCursor != "more" {
		t.Errorf("got %+v, %v", page, err)
	}
	if sync, err := p.SyncEndpoint(t.Context(), sdk.SyncEndpointRequest{URL: "u"}); err != nil || sync.URL != "u" {
		t.Errorf("got %+v, %v", sync, err)
	}
	claimsNothing := &sdk.Manifest{Name: "shop", Webhook: &sdk.WebhookCapability{}}
	if p, _ := (Table{}).Lookup("shop", full{verifying{fakeIntegration{claimsNothing}}}); p.List != nil || p.SyncEndpoint != nil {
		t.Error("what its manifest does not claim is called")
	}
}

func TestProvidersAreFoundInTheTableAndAmongIntegrations(t *testing.T) {
	table := Table{phone}
	shop := &sdk.Manifest{Name: "shop", Webhook: &sdk.WebhookCapability{EventTypes: []string{"paid"}, SecretField: "webhookSecret"}}
	for name, c := range map[string]struct {
		provider    string
		integration Integration
		want        Provider // without functions
		ok          bool
	}{
		"built in":               {"phone", nil, Provider{Name: "phone", SecretField: "authToken", EventTypes: []string{"call"}}, true},
		"built in, over others":  {"phone", fakeIntegration{shop}, Provider{Name: "phone", SecretField: "authToken", EventTypes: []string{"call"}}, true},
		"an integration":         {"shop", fakeIntegration{shop}, Provider{Name: "shop", SecretField: "webhookSecret", EventTypes: []string{"paid"}}, true},
		"unpublished":            {"shop", fakeIntegration{}, Provider{Name: "shop", Unpublished: true}, true},
		"speaks of no webhooks":  {"shop", fakeIntegration{&sdk.Manifest{Name: "shop"}}, Provider{}, false},
		"neither of these":       {"shop", nil, Provider{}, false},
		"another case of a name": {"Phone", nil, Provider{}, false},
	} {
		got, ok := table.Lookup(c.provider, c.integration)
		if ok != c.ok || ok && got.NewSecret() == "" {
			t.Errorf("%s: found %v, want %v", name, ok, c.ok)
		}
		got.NewSecret, got.Verify, got.Sample = nil, nil, nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if known, _ := table.Lookup("shop", fakeIntegration{shop}); known.Verify != nil || known.Sample != nil {
		t.Error("a manifest alone verifies or makes samples")
	}
	running, _ := table.Lookup("shop", verifying{fakeIntegration{shop}})
	event, err := running.Verify(t.Context(), sdk.WebhookRequest{})
	if want := (Verified{ID: "evt_1", Type: "paid"}); err != nil || !cmp.Equal(event, want) {
		t.Errorf("verified as %+v, %v", event, err)
	}
	if _, err := running.Sample(t.Context(), sdk.SampleRequest{}); err != nil {
		t.Error(err)
	}
	if first, second := running.NewSecret(), running.NewSecret(); first == second || !strings.HasPrefix(first, "whsec_") {
		t.Errorf("secrets %s and %s", first, second)
	}
}

// TestTheTableOfBuiltInProvidersIsWhole: each row can do what a provider must.
func TestTheTableOfBuiltInProvidersIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, p := range BuiltIn() {
		if p.Name == "" || names[p.Name] || p.Verify == nil || p.Sample == nil || len(p.EventTypes) == 0 || p.Unpublished {
			t.Errorf("provider %q has no name of its own, no Verify, no Sample or no event types", p.Name)
		}
		names[p.Name] = true
	}
}
