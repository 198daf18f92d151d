package provider

import (
	"context"
	"net/http"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// The pages of Discord on interactions and on webhook events, which are signed alike, and
// the headers that it sends.
const (
	discordPage      = "https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint"
	discordSignature = "X-Signature-Ed25519"
	discordTimestamp = "X-Signature-Timestamp"
)

// discordProvider verifies the interactions and the webhook events of a Discord
// application. Discord signs the time and the body with an ed25519 key; the secret is the
// public key of the application. When the address is saved it sends a PING with a
// signature that holds and one with a signature that does not, which it wants refused
// with 401.
func discordProvider() Provider {
	samples := samplesOf("discord")
	return Provider{
		Name: "discord", Page: discordPage, SecretField: secretField,
		Headers:   []string{discordSignature, discordTimestamp},
		Timestamp: inHeader(discordTimestamp).String(), EventID: "id of the body; of a webhook event the digest of the body", IDSigned: true,
		CheckSecret: func(secret string) error { _, _, err := hexEd25519(secret); return err },
		NewSecret:   newEd25519, EventTypes: samples.types(),
		Verify: verifyDiscord,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			made, err := samples.unsigned("discord", asked)
			if err != nil {
				return sdk.Sample{}, err
			}
			at := inSeconds.write(asked.Now)
			made.Headers[discordTimestamp] = at
			return signEd25519(made, hexEd25519, asked.Secret, discordSignature, inHex, append([]byte(at), made.Body...))
		},
	}
}

func verifyDiscord(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	if err := r.checkDiscord(); err != nil {
		if payload, parseErr := r.challengeBody(); parseErr == nil {
			if kind, _ := discordKind(payload); kind != discordEvent {
				return Verified{}, unauthorized(err)
			}
		}
		return Verified{}, err
	}
	payload, err := jsonBody(r)
	if err != nil {
		return Verified{}, err
	}
	switch kind, eventType := discordKind(payload); kind {
	case discordPing:
		return Verified{Reply: &Reply{ContentType: "application/json", Body: []byte(`{"type":1}`)}}, nil
	case discordEventPing:
		return Verified{Reply: &Reply{Status: http.StatusNoContent}}, nil
	default:
		verified := Verified{Payload: payload.Raw(), Type: eventType, ID: digest(r.Body)}
		if id, ok := at(payload, "id"); ok {
			verified.ID = id
		}
		return verified, nil
	}
}

// checkDiscord returns a refusal unless signature and time hold.
func (r *request) checkDiscord() error {
	timestamp, err := r.signedEd25519(discordSignature, inHex, discordTimestamp, hexEd25519, func(timestamp string, body []byte) []byte {
		return append([]byte(timestamp), body...)
	})
	if err != nil {
		return err
	}
	return r.fresh("the timestamp in the header "+discordTimestamp, timestamp, inSeconds)
}

// discordRequest is one of the requests that Discord sends.
type discordRequest uint8

const (
	discordEvent discordRequest = iota
	discordPing
	discordEventPing
)

// discordKinds are the words of Discord's page for the types of interactions:
// https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object-interaction-type.
var discordKinds = map[string]string{"2": "APPLICATION_COMMAND", "3": "MESSAGE_COMPONENT", "4": "APPLICATION_COMMAND_AUTOCOMPLETE", "5": "MODAL_SUBMIT"}

// discordKind tells the requests apart: an interaction of type 1 is a ping, and so is a
// webhook event of type 0; one of type 1 has an event
// (https://docs.discord.com/developers/events/webhook-events#webhook-event-payloads).
func discordKind(payload value.Doc) (kind discordRequest, eventType string) {
	if eventType, ok := at(payload, "event.type"); ok {
		return discordEvent, eventType
	}
	switch number, _ := at(payload, "type"); number {
	case "0":
		return discordEventPing, ""
	case "1":
		return discordPing, ""
	default:
		return discordEvent, discordKinds[number]
	}
}
