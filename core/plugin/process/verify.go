package process

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// verifyTimeout bounds a verification whose context has no deadline.
const verifyTimeout = time.Minute

// VerifyWebhook has the plugin check a webhook.
func (i *instance) VerifyWebhook(ctx context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(verifyTimeout)
	}
	var event sdk.WebhookEvent
	var failed error
	read := func(response *pluginv1.VerifyWebhookResponse) { event, failed = verifiedFromWire(response) }
	err := i.verify(ctx, deadline, webhookRequestToWire(request), read)
	if err != nil {
		return sdk.WebhookEvent{}, i.failure(ctx, deadline, "VerifyWebhook", err)
	}
	return event, failed
}

// verify exchanges a request for its response: on a stream, or by a call of its own
// with a plugin that was built before there were streams for it.
func (i *instance) verify(ctx context.Context, deadline time.Time, request *pluginv1.VerifyWebhookRequest, read func(*pluginv1.VerifyWebhookResponse)) error {
	if !i.unary.Load() {
		err := i.verifications.exchange(ctx, deadline, func(sent *pluginv1.VerifyWebhooksRequest) {
			sent.Request, sent.TimeoutNanos = request, int64(time.Until(deadline))
		}, func(response *pluginv1.VerifyWebhooksResponse) { read(response.GetResponse()) })
		if status.Code(err) != codes.Unimplemented {
			return err
		}
		i.unary.Store(true)
	}
	response, err := i.service.VerifyWebhook(ctx, request)
	if err == nil {
		read(response)
	}
	return err
}

// verifiedFromWire reads what the plugin says of a request.
func verifiedFromWire(response *pluginv1.VerifyWebhookResponse) (sdk.WebhookEvent, error) {
	switch outcome := response.GetOutcome().(type) {
	case *pluginv1.VerifyWebhookResponse_Event:
		return eventFromWire(outcome.Event), nil
	case *pluginv1.VerifyWebhookResponse_Refusal:
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: outcome.Refusal, Genuine: response.GetRefusalGenuine()}
	case *pluginv1.VerifyWebhookResponse_Error:
		return sdk.WebhookEvent{}, errorFromWire(outcome.Error)
	}
	return sdk.WebhookEvent{}, &sdk.Error{Code: sdk.CodeInternal, Message: "the plugin answered nothing to VerifyWebhook"}
}
