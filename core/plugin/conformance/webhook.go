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
	if s.manifest.Webhook == nil {
		v.skip("it verifies no webhooks")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	request, event, ok := s.sampleWebhook(ctx, v)
	if !ok {
		return
	}
	if sampled := s.manifest.Webhook.EventTypes[0]; event.ID == "" || event.Type != sampled {
		v.fault("its own sample of %s has the type %q and the id %q", sampled, event.Type, event.ID)
	}
	var refusal *sdk.WebhookRefusal
	request.Secrets = []string{webhookSecret[:len(webhookSecret)-4] + "Zm9v"}
	if _, err := s.instance.VerifyWebhook(ctx, request); !errors.As(err, &refusal) {
		v.fault("a webhook that was signed with another secret: want a refusal, got %s", describe(err))
	}
}

// sampleWebhook has the plugin make a sample of its first type of events and verify it.
// It returns the request that the sample is sent by, and its event. If it does not, the
// verdict says why.
func (s *session) sampleWebhook(ctx context.Context, v *verdict) (request sdk.WebhookRequest, event sdk.WebhookEvent, ok bool) {
	types := s.manifest.Webhook.EventTypes
	if len(types) == 0 {
		v.skip("it makes no samples of webhooks")
		return request, event, false
	}
	if !s.ready(ctx, v) {
		return request, event, false
	}
	now := time.Now()
	sample, err := s.instance.SampleWebhook(ctx, sdk.SampleRequest{EventType: types[0], Secret: webhookSecret, Now: now})
	if err != nil {
		v.fault("a sample of %s: %v", types[0], s.explain(err))
		return request, event, false
	}
	request = sdk.WebhookRequest{
		Method: "POST", Headers: make(map[string][]string), Body: sample.Body, Secrets: []string{webhookSecret}, Now: now, Tolerance: webhookTolerance,
	}
	for name, value := range sample.Headers {
		request.Headers[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	if event, err = s.instance.VerifyWebhook(ctx, request); err != nil {
		v.fault("its own sample of %s: %v", types[0], s.explain(err))
		return request, event, false
	}
	return request, event, true
}
