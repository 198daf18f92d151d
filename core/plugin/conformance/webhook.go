package conformance

import (
	"context"
	"errors"
	"net/textproto"
	"time"

	"github.com/backflow/backflow/sdk"
)

// webhookSecret is a secret that vendors' libraries accept: a secret in the form of
// Standard Webhooks is base64.
const webhookSecret = "whsec_YmFja2Zsb3cgY29uZm9ybWFuY2Ugc3VpdGU="

const webhookTolerance = 5 * time.Minute

func checkWebhook(ctx context.Context, s *session, v *verdict) {
	capability := s.manifest.Webhook
	if capability == nil {
		v.skip("it verifies no webhooks")
		return
	}
	if len(capability.EventTypes) == 0 {
		v.skip("it makes no samples of webhooks")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if !s.ready(ctx, v) {
		return
	}
	request, err := s.sampleWebhook(ctx)
	if err != nil {
		v.fault("a sample of %s: %v", capability.EventTypes[0], s.explain(err))
		return
	}
	event, err := s.instance.VerifyWebhook(ctx, request)
	switch {
	case err != nil:
		v.fault("its own sample of %s: %v", capability.EventTypes[0], s.explain(err))
	case event.ID == "" || event.Type != capability.EventTypes[0]:
		v.fault("its own sample of %s has the type %q and the id %q", capability.EventTypes[0], event.Type, event.ID)
	}
	var refusal *sdk.WebhookRefusal
	request.Secrets = []string{webhookSecret[:len(webhookSecret)-4] + "Zm9v"}
	if _, err := s.instance.VerifyWebhook(ctx, request); !errors.As(err, &refusal) {
		v.fault("a webhook that was signed with another secret: want a refusal, got %s", describe(err))
	}
}

// sampleWebhook has the plugin make a sample of its first type of events, and returns
// the request that it is sent by.
func (s *session) sampleWebhook(ctx context.Context) (sdk.WebhookRequest, error) {
	now := time.Now()
	sample, err := s.instance.SampleWebhook(ctx, sdk.SampleRequest{EventType: s.manifest.Webhook.EventTypes[0], Secret: webhookSecret, Now: now})
	if err != nil {
		return sdk.WebhookRequest{}, err
	}
	request := sdk.WebhookRequest{
		Method: "POST", Headers: make(map[string][]string), Body: sample.Body, Secrets: []string{webhookSecret}, Now: now, Tolerance: webhookTolerance,
	}
	for name, value := range sample.Headers {
		request.Headers[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	return request, nil
}
