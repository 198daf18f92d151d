package provider

import (
	"context"
	"errors"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// twitch signs the id, the time and the body of what EventSub sends:
// https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message.
// The header that says what a message is is not signed, so that is read from the body: a
// challenge is replied to with its text, and what has no event says that a subscription
// was revoked.
var twitch = scheme{
	name: "twitch", page: "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
	header: "Twitch-Eventsub-Message-Signature", prefix: "sha256=", algorithm: hmacSHA256, payload: jsonBody, encoding: inHex,
	content: signedAs("{id}{timestamp}{body}"), id: inHeader("Twitch-Eventsub-Message-Id"),
	timestamp: inHeader("Twitch-Eventsub-Message-Timestamp"), timeFormat: inRFC3339, kind: inPayload("subscription.type"),
	checkSecret: func(secret string) error {
		if len(secret) < 10 || len(secret) > 100 {
			return errors.New("a secret of Twitch has 10 to 100 characters")
		}
		return nil
	},
}

func twitchProvider() Provider {
	p := twitch.provider()
	verify := p.Verify
	p.Verify = func(ctx context.Context, request sdk.WebhookRequest) (Verified, error) {
		verified, err := verify(ctx, request)
		if err != nil {
			return Verified{}, err
		}
		payload, err := value.ParseDoc(verified.Payload)
		if err != nil {
			return Verified{}, refuseGenuine("the body is not JSON: %v", err)
		}
		if challenge, ok := at(payload, "challenge"); ok {
			return Verified{Reply: &Reply{ContentType: "text/plain", Body: []byte(challenge)}}, nil
		}
		if object, _ := payload.Value().(map[string]any); object["event"] == nil && object["events"] == nil {
			verified.Type = "revocation"
		}
		return verified, nil
	}
	return p
}
