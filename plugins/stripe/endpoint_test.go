package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

func (s served) SyncEndpoint(t *testing.T, request sdk.SyncEndpointRequest) (sdk.EndpointSync, *sdk.Error) {
	t.Helper()
	sync, err := s.Plugin.(sdk.EndpointSyncer).SyncEndpoint(t.Context(), request)
	var failure *sdk.Error
	if err != nil && !errors.As(err, &failure) {
		t.Fatalf("%v is no *sdk.Error", err)
	}
	if err == nil {
		if err := request.Check(sync); err != nil {
			t.Error(err)
		}
	}
	return sync, failure
}

const hook = "https://shop.example/webhooks/stripe"

func TestAnEndpointIsRegisteredOnceAndChangedWhereItDiffers(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	wanted := sdk.SyncEndpointRequest{Webhook: "stripe-events", URL: hook, Types: []string{"payment_intent.succeeded", "charge.dispute.*"}}
	disputes := []string{"charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.updated"}
	types := append(slices.Clone(disputes), "payment_intent.succeeded")

	plan, failure := p.SyncEndpoint(t, wanted)
	if diff := cmp.Diff(sdk.EndpointSync{Action: sdk.EndpointCreate, URL: hook, Types: types, Version: "2023-10-16"}, plan); failure != nil || diff != "" {
		t.Fatalf("%+v %s", failure, diff)
	}
	if len(double.Effects()) != 0 {
		t.Error("a plan has an effect")
	}
	wanted.Apply, wanted.IdempotencyKey = true, "k1"
	made, failure := p.SyncEndpoint(t, wanted)
	if failure != nil || made.Action != sdk.EndpointCreate || made.ID == "" || !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatalf("%+v %+v", failure, made)
	}
	again, failure := p.SyncEndpoint(t, wanted)
	if failure != nil || again.Action != sdk.EndpointKeep || again.ID != made.ID || again.Secret != "" {
		t.Errorf("the second time: %+v %+v", failure, again)
	}
	if effects := double.Effects(); len(effects) != 1 {
		t.Errorf("effects %+v", effects)
	}

	wanted.Types, wanted.IdempotencyKey = []string{"charge.dispute.*"}, "k2"
	changed, failure := p.SyncEndpoint(t, wanted)
	want := sdk.EndpointSync{
		Action: sdk.EndpointUpdate, ID: made.ID, URL: hook, Types: disputes, Version: "2023-10-16",
		Changes: []sdk.EndpointChange{{Field: "enabled_events", From: strings.Join(types, " "), To: strings.Join(disputes, " ")}},
	}
	if diff := cmp.Diff(want, changed); failure != nil || diff != "" {
		t.Errorf("%+v %s", failure, diff)
	}
	must(t, p, "call", `{"operationId":"PostWebhookEndpointsWebhookEndpoint","params":{"webhook_endpoint":"`+made.ID+`","disabled":true}}`, "")
	wanted.IdempotencyKey = "k3"
	enabled, failure := p.SyncEndpoint(t, wanted)
	if failure != nil || enabled.Action != sdk.EndpointUpdate || !slices.Equal(enabled.Changes, []sdk.EndpointChange{{Field: "status", From: "disabled", To: "enabled"}}) {
		t.Errorf("a disabled one: %+v %+v", failure, enabled)
	}
	wanted.IdempotencyKey = "k4"
	if kept, failure := p.SyncEndpoint(t, wanted); failure != nil || kept.Action != sdk.EndpointKeep {
		t.Errorf("in the end: %+v %+v", failure, kept)
	}
}

func TestEndpointsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	register := func(params string) string {
		made := must(t, p, "call", `{"operationId":"PostWebhookEndpoints","params":`+params+`}`, "")
		return made["id"].(string)
	}
	register(`{"url":"https://other.example/hook","enabled_events":["*"]}`)
	moved := register(`{"url":"https://staging.example/webhooks/stripe","enabled_events":["*"],"metadata":{"backflow_webhook":"w"}}`)
	register(`{"url":"` + hook + `/2","enabled_events":["*"],"metadata":{"backflow_webhook":"another"}}`)
	before := len(double.Effects())

	wanted := sdk.SyncEndpointRequest{Webhook: "w", URL: hook, Apply: true, IdempotencyKey: "k1"}
	made, failure := p.SyncEndpoint(t, wanted)
	if failure != nil || made.Action != sdk.EndpointCreate || !slices.Equal(made.Types, []string{"*"}) {
		t.Fatalf("%+v %+v", failure, made)
	}
	if len(made.Notes) != 1 || !strings.Contains(made.Notes[0], moved) || !strings.Contains(made.Notes[0], "staging.example") {
		t.Errorf("notes %q", made.Notes)
	}
	if effects := double.Effects()[before:]; len(effects) != 1 || effects[0].ID != made.ID {
		t.Errorf("effects %+v", effects)
	}
}

func TestAnEndpointThatWasMadeByHandIsAdopted(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	by := func(url string) string {
		return must(t, p, "call", `{"operationId":"PostWebhookEndpoints","params":{"url":"`+url+`","enabled_events":["*"],"metadata":{"team":"a"}}}`, "")["id"].(string)
	}
	hand := by(hook)
	adopted, failure := p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "w", URL: hook, Apply: true, IdempotencyKey: "k1"})
	if failure != nil || adopted.Action != sdk.EndpointUpdate || adopted.ID != hand || len(adopted.Notes) != 1 || !strings.Contains(adopted.Notes[0], "2023-10-16") {
		t.Errorf("%+v %+v", failure, adopted)
	}
	first, second := by(hook+"/2"), by(hook+"/2")
	before := len(double.Effects())
	_, failure = p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "w", URL: hook + "/2", Apply: true, IdempotencyKey: "k2"})
	if failure == nil || failure.Code != sdk.CodeConflict || !strings.Contains(failure.Message, first) || !strings.Contains(failure.Message, second) {
		t.Errorf("two of them: %+v", failure)
	}
	if effects := double.Effects()[before:]; len(effects) != 0 {
		t.Errorf("effects %+v", effects)
	}
}

// A second endpoint at its address would bring each event of a renamed webhook twice,
// signed with another secret.
func TestAWebhookThatIsRenamedKeepsItsEndpoint(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	made, failure := p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "before", URL: hook, Apply: true, IdempotencyKey: "k1"})
	if failure != nil {
		t.Fatal(failure)
	}
	kept, failure := p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "after", URL: hook, Apply: true, IdempotencyKey: "k2"})
	want := []sdk.EndpointChange{{Field: "metadata.backflow_webhook", From: "before", To: "after"}}
	if failure != nil || kept.Action != sdk.EndpointUpdate || kept.ID != made.ID || !slices.Equal(kept.Changes, want) {
		t.Errorf("%+v %+v", failure, kept)
	}
	if again, failure := p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "after", URL: hook}); failure != nil || again.Action != sdk.EndpointKeep {
		t.Errorf("the second time: %+v %+v", failure, again)
	}
	if effects := double.Effects(); len(effects) != 2 {
		t.Errorf("effects %+v", effects)
	}
}

func TestTypesThatStripeDoesNotHaveAreRefused(t *testing.T) {
	t.Parallel()
	p := onMock(t)
	for pattern, want := range map[string]string{
		"payment_intent.suceeded": `did you mean "payment_intent.succeeded"?`,
		"no_such.*":               `no type of event of Stripe's API of version 2023-10-16 is "no_such.*"`,
		"v2.core.account.updated": "thin events",
	} {
		_, failure := p.SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "w", URL: hook, Types: []string{pattern}})
		if failure == nil || failure.Code != sdk.CodeRejected || !strings.Contains(failure.Message, want) {
			t.Errorf("%s: %+v", pattern, failure)
		}
	}
}

// TestStripesOwnDescriptionAllowsWhatIsSent: stripe-mock checks names and types.
func TestStripesOwnDescriptionAllowsWhatIsSent(t *testing.T) {
	t.Parallel()
	sync, failure := onMock(t).SyncEndpoint(t, sdk.SyncEndpointRequest{Webhook: "w", URL: hook, Types: []string{"charge.*"}, Apply: true, IdempotencyKey: "k"})
	if failure != nil || sync.Action != sdk.EndpointCreate || len(sync.Types) < 10 {
		t.Errorf("%+v %+v", failure, sync)
	}
}
