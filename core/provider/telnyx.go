package provider

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

// The page of Telnyx on how it signs, and the headers that it sends.
const (
	telnyxPage      = "https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks"
	telnyxSignature = "Telnyx-Signature-Ed25519"
	telnyxTimestamp = "Telnyx-Timestamp"
)

// telnyxProvider verifies what Telnyx signs with an ed25519 key: the time and the body,
// with a bar between. The secret is the public key of the account.
func telnyxProvider() Provider {
	samples := samplesOf("telnyx")
	content := func(timestamp string, body []byte) []byte { return append([]byte(timestamp+"|"), body...) }
	return Provider{
		Name: "telnyx", Page: telnyxPage, SecretField: secretField,
		Headers:   []string{telnyxSignature, telnyxTimestamp},
		Timestamp: inHeader(telnyxTimestamp).String(), EventID: inPayload("data.id").String(), IDSigned: true,
		CheckSecret: func(secret string) error { _, _, err := base64Ed25519(secret); return err },
		NewSecret:   newEd25519, EventTypes: samples.types(),
		Verify: func(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
			r := &request{received}
			timestamp, err := r.signedEd25519(telnyxSignature, inBase64, telnyxTimestamp, base64Ed25519, content)
			if err != nil {
				return Verified{}, err
			}
			if err := r.fresh("the timestamp in the header "+telnyxTimestamp, timestamp, inSeconds); err != nil {
				return Verified{}, err
			}
			payload, err := jsonBody(r)
			if err != nil {
				return Verified{}, err
			}
			verified := Verified{Payload: payload.Raw()}
			verified.Type, _ = at(payload, "data.event_type")
			id, ok := at(payload, "data.id")
			if !ok {
				verified.NoID = "the event has no id: data.id of the body is missing"
			}
			verified.ID = id
			return verified, nil
		},
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			made, err := samples.unsigned("telnyx", asked)
			if err != nil {
				return sdk.Sample{}, err
			}
			timestamp := inSeconds.write(asked.Now)
			made.Headers[telnyxTimestamp] = timestamp
			return signEd25519(made, base64Ed25519, asked.Secret, telnyxSignature, inBase64, content(timestamp, made.Body))
		},
	}
}
