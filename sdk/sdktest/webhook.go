package sdktest

import (
	"net/textproto"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// webhookSecret is the secret of webhooks where a test names none.
const webhookSecret = "whsec_c2RrdGVzdC1ub3QtYS1zZWNyZXQ"

// Webhook returns a signed sample event, as a gateway would receive it now: ready
// for Verify, or to be changed before. The test fails if the plugin makes none.
func Webhook(t testing.TB, p sdk.Plugin, eventType string) sdk.WebhookRequest {
	t.Helper()
	sampler, ok := p.(sdk.WebhookSampler)
	if !ok {
		t.Fatal("the plugin makes no sample webhooks")
	}
	now := time.Now()
	var sample sdk.Sample
	err := guarded("SampleWebhook", func() (err error) {
		sample, err = sampler.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: eventType, Secret: webhookSecret, Now: now})
		return err
	})
	if err != nil {
		t.Fatalf("a sample of %s: %v", eventType, err)
	}
	headers := make(map[string][]string, len(sample.Headers))
	for name, value := range sample.Headers {
		headers[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	return sdk.WebhookRequest{Headers: headers, Body: sample.Body, Secrets: []string{webhookSecret}, Now: now, Tolerance: 5 * time.Minute}
}

// Verify has the plugin check a webhook. The error is a *sdk.WebhookRefusal for one
// that is not genuine. The test fails if the plugin verifies none.
func Verify(t testing.TB, p sdk.Plugin, request sdk.WebhookRequest) (event sdk.WebhookEvent, err error) {
	t.Helper()
	verifier, ok := p.(sdk.WebhookVerifier)
	if !ok {
		t.Fatal("the plugin verifies no webhooks")
	}
	err = guarded("VerifyWebhook", func() (err error) {
		event, err = verifier.VerifyWebhook(t.Context(), request)
		return err
	})
	return event, err
}
