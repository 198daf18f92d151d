package provider

import (
	"context"
	"net/url"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// The page of Mailgun on how it signs.
const mailgunPage = "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks"

// mailgunProvider verifies the webhooks and the routes of Mailgun. The signature is in
// the body: in the object signature of a JSON body, and in fields of the forms that
// routes send (https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/).
// It is of the timestamp and of a token that is used once, and of nothing else: who
// catches a request that never arrived could send another body with its token. So the
// token is the id, and guards against replay with the time. An event that comes again
// with another token has the same id in event-data, and is a duplicate by that.
func mailgunProvider() Provider {
	samples := samplesOf("mailgun")
	return Provider{
		Name: "mailgun", Page: mailgunPage, SecretField: secretField,
		Timestamp: "signature.timestamp of the body, or the field timestamp of a form",
		EventID:   "signature.token of the body, or the field token of a form", IDSigned: true,
		EventTypes: samples.types(),
		Verify:     verifyMailgun,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			return sampleOfMailgun(samples, asked)
		},
	}
}

// mailgunSigned is what a body says of its signature. A subaccount's request is signed
// with the key of the account above it too.
type mailgunSigned struct{ timestamp, token, signature, parent string }

func verifyMailgun(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	payload, err := payloadOf(r.contentType(), r.Body, "")
	if err != nil {
		return Verified{}, refuse("no signature can be read from the body, which is neither JSON nor a form")
	}
	signed := mailgunSignature(payload)
	if signed.timestamp == "" || signed.token == "" || signed.signature == "" {
		return Verified{}, refuse("the body has no signature: it lacks one of signature.timestamp, signature.token and signature.signature, or of the fields timestamp, token and signature of a form")
	}
	var signatures [][]byte
	for _, text := range []string{signed.signature, signed.parent} {
		if signature, err := inHex.decode(text); err == nil && len(signature) > 0 {
			signatures = append(signatures, signature)
		}
	}
	if !anyMAC(hmacSHA256, rawKeys(r.Secrets), signatures, []byte(signed.timestamp+signed.token)) {
		return Verified{}, refuse("the signature in the body does not match: it is made with another secret, or the request was changed on its way")
	}
	if err := r.fresh("the timestamp in the body's signature", signed.timestamp, inSeconds); err != nil {
		return Verified{}, err
	}
	verified := Verified{Payload: payload.Raw(), ID: signed.token}
	if id, ok := at(payload, "event-data.id"); ok {
		verified.Content = []byte(id)
	}
	verified.Type = mailgunType(payload)
	return verified, nil
}

// mailgunSignature reads the signature: of JSON the object signature, of a form its
// fields.
func mailgunSignature(payload value.Doc) mailgunSigned {
	text := func(path string) string {
		text, _ := at(payload, path)
		return text
	}
	if _, ok := at(payload, "signature"); ok {
		return mailgunSigned{text("timestamp"), text("token"), text("signature"), text("parent-signature")}
	}
	return mailgunSigned{text("signature.timestamp"), text("signature.token"), text("signature.signature"), text("signature.parent-signature")}
}

// mailgunType is the word of https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
// for what happened; a message that a route passes on has none, and is inbound.
func mailgunType(payload value.Doc) string {
	for _, path := range []string{"event-data.event", "event"} {
		if text, ok := at(payload, path); ok {
			return text
		}
	}
	return "inbound"
}

func sampleOfMailgun(all samples, asked sdk.SampleRequest) (sdk.Sample, error) {
	made, err := all.unsigned("mailgun", asked)
	if err != nil {
		return sdk.Sample{}, err
	}
	timestamp, token := inSeconds.write(asked.Now), inHex.encode(randomBytes(25)) // 50 characters, as Mailgun has them
	signature := inHex.encode(hmacSHA256.mac([]byte(asked.Secret), []byte(timestamp+token)))
	if made.Headers["Content-Type"] == formType {
		form, err := url.ParseQuery(string(made.Body))
		if err != nil {
			return sdk.Sample{}, err
		}
		form.Set("timestamp", timestamp)
		form.Set("token", token)
		form.Set("signature", signature)
		made.Body = []byte(form.Encode())
		return made, nil
	}
	text, err := value.Marshal(map[string]any{"timestamp": timestamp, "token": token, "signature": signature})
	if err == nil {
		made.Body, err = set(string(made.Body), map[string]string{"signature": string(text)})
	}
	return made, err
}
