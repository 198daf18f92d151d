package provider

import (
	"context"
	"net/http"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// The page of HubSpot on how it signs, and the headers of the third version of that.
const (
	hubspotPage      = "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation"
	hubspotSignature = "X-HubSpot-Signature-v3"
	hubspotTimestamp = "X-HubSpot-Request-Timestamp"
)

// hubspotProvider verifies what HubSpot signs in its third way: method, URL, body and
// time, which is in milliseconds. The two ways before it, which HubSpot sends beside it,
// sign no time and are not read.
//
// A request has up to a hundred events
// (https://developers.hubspot.com/docs/apps/legacy-apps/public-apps/create-webhook-subscriptions):
// the id is made of what stays when it is sent again, the events' own ids and when they
// occurred, since eventId alone is not promised to be unique.
func hubspotProvider() Provider {
	samples := samplesOf("hubspot")
	return Provider{
		Name: "hubspot", Page: hubspotPage, SecretField: secretField, SignsURL: true,
		Headers:   []string{hubspotSignature, hubspotTimestamp},
		Timestamp: inHeader(hubspotTimestamp).String(), IDSigned: true,
		EventID:    "subscriptionId/eventId/objectId/occurredAt of the body; of several events the digest of these, and of any other body its digest",
		EventTypes: samples.types(),
		Verify:     verifyHubspot,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			made, err := samples.unsigned("hubspot", asked)
			if err != nil {
				return sdk.Sample{}, err
			}
			if asked.URL == "" {
				return sdk.Sample{}, sdk.Refuse(sdk.CodeInvalidParams, "hubspot signs the URL that it calls, and the gateway's is not known: set server.publicUrl")
			}
			at := inMilliseconds.write(asked.Now)
			made.Headers[hubspotTimestamp] = at
			made.Headers[hubspotSignature] = inBase64.encode(hmacSHA256.mac([]byte(asked.Secret), []byte(http.MethodPost+asked.URL), made.Body, []byte(at)))
			return made, nil
		},
	}
}

func verifyHubspot(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	signatures, err := r.signatures(hubspotSignature, "", inBase64)
	if err != nil {
		return Verified{}, err
	}
	timestamp, ok := r.header(hubspotTimestamp)
	if !ok {
		return Verified{}, refuse("the header %s is missing or given twice, which is signed", hubspotTimestamp)
	}
	called, err := r.wholeURL()
	if err != nil {
		return Verified{}, err
	}
	matches := false
	for _, address := range []string{called, hubspotDecoded.Replace(called)} {
		matches = anyMAC(hmacSHA256, rawKeys(r.Secrets), signatures, []byte(r.method()+address), r.Body, []byte(timestamp)) || matches
	}
	if !matches {
		return Verified{}, notSignedAt(hubspotSignature, r)
	}
	if err := r.fresh("the timestamp in the header "+hubspotTimestamp, timestamp, inMilliseconds); err != nil {
		return Verified{}, err
	}
	payload, err := jsonBody(r)
	if err != nil {
		return Verified{}, err
	}
	events := eventsOf(payload, "")
	verified := Verified{Payload: payload.Raw(), ID: digest(r.Body), Type: batchType(events, "subscriptionType")}
	if id, ok := batchID(events, "subscriptionId", "eventId", "objectId", "occurredAt"); ok {
		verified.ID = id
	}
	return verified, nil
}

// hubspotDecoded decodes what HubSpot's page lists as decoded in the URL that is signed.
var hubspotDecoded = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
)
