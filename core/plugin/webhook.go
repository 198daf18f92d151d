package plugin

import (
	"context"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// VerifyWebhook has the plugin check a webhook. It also works without
// credentials: the secrets come with the request.
func (p *Plugin) VerifyWebhook(ctx context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	r, refusal := p.acquire()
	if refusal != nil {
		return sdk.WebhookEvent{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	event, err := r.instance.VerifyWebhook(ctx, request)
	if err != nil {
		return sdk.WebhookEvent{}, p.sanitizeWebhook(err, request.Secrets, webhookText(request)...)
	}
	if err := checkEvent(event); err != nil {
		return sdk.WebhookEvent{}, &sdk.Error{Code: sdk.CodeInternal, Message: "the plugin's verdict on a webhook: " + err.Error(), Outcome: sdk.OutcomeNotExecuted}
	}
	return event, nil
}

// SampleWebhook has the plugin make a signed sample event.
func (p *Plugin) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	r, refusal := p.acquire()
	if refusal != nil {
		return sdk.Sample{}, refusal
	}
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	sample, err := r.instance.SampleWebhook(ctx, request)
	if err != nil {
		return sdk.Sample{}, p.sanitizeWebhook(err, []string{request.Secret})
	}
	return sample, nil
}

// webhookText is what the sender of a request wrote.
func webhookText(request sdk.WebhookRequest) [][]byte {
	text := [][]byte{request.Body, []byte(request.URL)}
	for name, values := range request.Headers {
		text = append(text, []byte(name+": "+strings.Join(values, "\n")))
	}
	return text
}
