package provider

import (
	"context"
	"crypto/ecdsa"

	"github.com/backflow/backflow/sdk"
)

// The page of SendGrid on the signed event webhook, and the headers that it sends.
const (
	sendgridPage      = "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features"
	sendgridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	sendgridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// sendgridProvider verifies the event webhook of SendGrid, which signs the time and the
// body with ECDSA; the secret is the verification key that its settings show. A request
// has all events of some moments; the id of one alone is its sg_event_id, and that of
// several the digest of the body.
func sendgridProvider() Provider {
	samples := samplesOf("sendgrid")
	return Provider{
		Name: "sendgrid", Page: sendgridPage, SecretField: secretField,
		Headers:   []string{sendgridSignature, sendgridTimestamp},
		Timestamp: inHeader(sendgridTimestamp).String(), EventID: "sg_event_id of the body; of several events the digest of the body", IDSigned: true,
		CheckSecret: func(secret string) error { _, _, err := ecdsaKey(secret); return err },
		NewSecret:   newECDSA, EventTypes: samples.types(),
		Verify: verifySendgrid,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			made, err := samples.unsigned("sendgrid", asked)
			if err != nil {
				return sdk.Sample{}, err
			}
			at := inSeconds.write(asked.Now)
			made.Headers[sendgridTimestamp] = at
			return signECDSA(made, asked.Secret, sendgridSignature, append([]byte(at), made.Body...))
		},
	}
}

func verifySendgrid(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	signatures, err := r.signatures(sendgridSignature, "", inBase64)
	if err != nil {
		return Verified{}, err
	}
	timestamp, ok := r.header(sendgridTimestamp)
	if !ok {
		return Verified{}, refuse("the header %s is missing or given twice, which is signed", sendgridTimestamp)
	}
	var keys []*ecdsa.PublicKey
	for _, secret := range r.Secrets {
		key, _, err := ecdsaKey(secret)
		if err != nil {
			return Verified{}, refuse("the webhook's secret is no key: %v", err)
		}
		keys = append(keys, key)
	}
	if !anyECDSA(keys, signatures, append([]byte(timestamp), r.Body...)) {
		return Verified{}, notSigned(sendgridSignature)
	}
	if err := r.fresh("the timestamp in the header "+sendgridTimestamp, timestamp, inSeconds); err != nil {
		return Verified{}, err
	}
	payload, err := jsonBody(r)
	if err != nil {
		return Verified{}, err
	}
	events := eventsOf(payload, "")
	verified := Verified{Payload: payload.Raw(), ID: digest(r.Body), Type: batchType(events, "event")}
	if len(events) == 1 {
		if id, ok := batchID(events, "sg_event_id"); ok {
			verified.ID = id
		}
	}
	return verified, nil
}
