package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/backflow/backflow/plugins/stripe/internal/signature"
	"github.com/backflow/backflow/sdk"
)

var webhookNow = time.Unix(1_700_000_000, 0)

func signed(body, secret string, at time.Time) sdk.WebhookRequest {
	return sdk.WebhookRequest{
		Headers: map[string][]string{"Stripe-Signature": {signature.Sign([]byte(body), secret, at)}},
		Body:    []byte(body), Secrets: []string{"whsec_1"}, Now: webhookNow, Tolerance: 5 * time.Minute,
	}
}

func TestGenuineEventsAreRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a classic event":           `{"id":"evt_1","object":"event","api_version":"2023-10-16","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","type":"inner"}}}`,
		"trap: another API version": `{"id":"evt_1","object":"event","api_version":"2030-01-01.gaia","type":"payment_intent.succeeded"}`,
		"trap: a thin event":        `{"id":"evt_1","object":"v2.core.event","type":"payment_intent.succeeded","related_object":{"id":"x","type":"y"}}`,
		"white space and escapes":   " {\n\"type\": \"payment_intent\\u002esucceeded\" , \"id\":\"evt_1\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newServed().VerifyWebhook(t.Context(), signed(body, "whsec_1", webhookNow))
			if err != nil || got.ID != "evt_1" || got.Type != "payment_intent.succeeded" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// What an event's type is made of is data: conditions on it hold whatever it is.
func TestAGenuineEventMayHaveAnyType(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"x' === 'x' || '1", "{{env.STRIPE_SECRET_KEY}}", "bezahlt für immer", strings.Repeat("a", 255)} {
		body, err := json.Marshal(map[string]string{"id": "evt_1", "type": want})
		if err != nil {
			t.Fatal(err)
		}
		event, err := newServed().VerifyWebhook(t.Context(), signed(string(body), "whsec_1", webhookNow))
		if err != nil || event.Type != want {
			t.Errorf("%q: %+v, %v", want, event, err)
		}
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	t.Parallel()
	const good = `{"id":"evt_1","type":"x"}`
	changed := signed(good, "whsec_1", webhookNow)
	changed.Body = []byte(`{"id":"evt_2","type":"x"}`)
	twice := signed(good, "whsec_1", webhookNow)
	twice.Headers["Stripe-Signature"] = append(twice.Headers["Stripe-Signature"], twice.Headers["Stripe-Signature"][0])
	bare := signed(good, "whsec_1", webhookNow)
	bare.Headers = nil
	for name, test := range map[string]struct {
		request sdk.WebhookRequest
		want    string
	}{
		"trap: an empty secret's signature": {signed(good, "", webhookNow), "no v1 signature"},
		"trap: a time in the future":        {signed(good, "whsec_1", webhookNow.Add(time.Hour)), "from the future"},
		"an old one":                        {signed(good, "whsec_1", webhookNow.Add(-time.Hour)), "too old"},
		"another body":                      {changed, "no v1 signature"},
		"two headers":                       {twice, "there are 2"},
		"no header":                         {bare, "there is no Stripe-Signature header"},
		"not JSON":                          {signed("hello", "whsec_1", webhookNow), "not a JSON object"},
		"cut JSON":                          {signed(`{"id":"evt_1"`, "whsec_1", webhookNow), "not valid JSON"},
		"two values":                        {signed(good+good, "whsec_1", webhookNow), "something comes after"},
		"bad UTF-8":                         {signed("{\"id\":\"evt_1\",\"type\":\"x\",\"n\":\"\xff\"}", "whsec_1", webhookNow), "not UTF-8"},
		"too deep":                          {signed(`{"id":"evt_1","type":"x","n":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`, "whsec_1", webhookNow), "too deeply"},
		"a lone surrogate":                  {signed(`{"id":"evt_1","type":"x","n":"\ud800"}`, "whsec_1", webhookNow), "not valid JSON"},
		"an id given twice":                 {signed(`{"id":"evt_1","id":"evt_2","type":"x"}`, "whsec_1", webhookNow), "a name is given twice"},
		"no id":                             {signed(`{"type":"x"}`, "whsec_1", webhookNow), "has no id"},
		"an id that is no text":             {signed(`{"id":1,"type":"x"}`, "whsec_1", webhookNow), "has no id"},
		"an id with a line break":           {signed(`{"id":"a\nb","type":"x"}`, "whsec_1", webhookNow), "has no id"},
		"an id without end":                 {signed(`{"id":"`+strings.Repeat("a", 256)+`","type":"x"}`, "whsec_1", webhookNow), "has no id"},
		"no type":                           {signed(`{"id":"evt_1"}`, "whsec_1", webhookNow), "has no type"},
		"a type without end":                {signed(`{"id":"evt_1","type":"`+strings.Repeat("a", 256)+`"}`, "whsec_1", webhookNow), "has no type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newServed().VerifyWebhook(t.Context(), test.request)
			var refusal *sdk.WebhookRefusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, test.want) {
				t.Errorf("got %v, want a refusal …%s…", err, test.want)
			}
			headers := test.request.Headers[signature.Header]
			holds := len(headers) == 1 && signature.Verify(headers[0], test.request.Body, test.request.Secrets, webhookNow, 5*time.Minute) == nil
			if refusal.Genuine != holds {
				t.Errorf("genuine is %t", refusal.Genuine)
			}
		})
	}
}

func TestAnEmptySecretIsAFaultOfTheConfig(t *testing.T) {
	t.Parallel()
	request := signed(`{"id":"evt_1","type":"x"}`, "", webhookNow)
	for _, secrets := range [][]string{nil, {""}, {" "}, {"whsec_1", ""}} {
		request.Secrets = secrets
		_, err := newServed().VerifyWebhook(t.Context(), request)
		var refusal *sdk.WebhookRefusal
		if err == nil || errors.As(err, &refusal) {
			t.Errorf("%q: %v", secrets, err)
		}
	}
	if _, err := newServed().SampleWebhook(t.Context(), sdk.SampleRequest{EventType: "customer.created", Now: webhookNow}); err == nil {
		t.Error("a sample was signed with an empty secret")
	}
}

// Ours must agree with Stripe's library wherever that is right.
func TestSamplesAreAcceptedByUsAndByStripesLibrary(t *testing.T) {
	t.Parallel()
	p := newServed()
	now := time.Now()
	for _, eventType := range p.Manifest().Webhook.EventTypes {
		made, err := p.SampleWebhook(t.Context(), sdk.SampleRequest{
			EventType: eventType, Secret: "whsec_1", Now: now, Set: map[string]string{"data.object.metadata.x": `"y"`},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.VerifyWebhook(t.Context(), sdk.WebhookRequest{
			Headers: map[string][]string{"Stripe-Signature": {made.Headers["Stripe-Signature"]}},
			Body:    made.Body, Secrets: []string{"whsec_1"}, Now: now, Tolerance: 5 * time.Minute,
		})
		if err != nil || got.Type != eventType || !strings.HasPrefix(got.ID, "evt_") {
			t.Errorf("%s: %+v, %v", eventType, got, err)
		}
		event, err := webhook.ConstructEvent(made.Body, made.Headers["Stripe-Signature"], "whsec_1")
		if err != nil || string(event.Type) != eventType || event.ID != got.ID {
			t.Errorf("%s: stripe-go reads %s %s, %v", eventType, event.ID, event.Type, err)
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	for _, seed := range []string{`{"id":"evt_1","type":"x"}`, `{}`, `[]`, `{"id":{"id":"x"}}`, "{\"id\":\"\\ud800\"}", ` {"type":"a","id":"b"} x`, "{\"id\":\"a\",\"type\":\"\xff\"}", `{"id":"a","id":"a"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := readEvent(body)
		if err == nil && (event.ID == "" || event.Type == "" || len(event.ID) > maxName) {
			t.Fatalf("%q is read as %+v", body, event)
		}
	})
}

// TestALifeCycleOfEveryTypeIsAccepted: each event of it, the older ones too.
func TestALifeCycleOfEveryTypeIsAccepted(t *testing.T) {
	t.Parallel()
	served := newServed()
	for _, eventType := range served.Manifest().Webhook.EventTypes {
		made, err := served.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: eventType, Secret: "whsec_1", Now: webhookNow, Chain: true})
		if err != nil {
			t.Fatalf("%s: %v", eventType, err)
		}
		seen, asked := map[string]bool{}, false
		for _, sample := range append(made.Before, made) {
			event, err := served.VerifyWebhook(t.Context(), sdk.WebhookRequest{
				Headers: map[string][]string{"Stripe-Signature": {sample.Headers["Stripe-Signature"]}},
				Body:    sample.Body, Secrets: []string{"whsec_1"}, Now: webhookNow, Tolerance: 5 * time.Minute,
			})
			if err != nil || seen[event.ID] {
				t.Fatalf("%s: %+v, %v", eventType, event, err)
			}
			seen[event.ID], asked = true, asked || event.Type == eventType
		}
		if !asked {
			t.Errorf("no %s in its life cycle", eventType)
		}
	}
}
