// Command backflow-plugin-phone verifies the webhooks of an exchange that sends what few
// others do: forms, an id that it does not sign, a challenge before the first event, and
// it expects instructions for each call.
//
//	go build -o bin/plugins/backflow-plugin-phone ./sdk/examples/phone
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o bin/plugins/phone.wasm ./sdk/examples/phone
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/textproto"
	"net/url"

	"github.com/backflow/backflow/sdk"
)

// The headers that the exchange sends.
const (
	signatureHeader = "X-Phone-Signature" // the HMAC-SHA256 of the body in hexadecimal digits
	deliveryHeader  = "X-Phone-Delivery"  // the id of the event, which is not signed
)

// noInstructions is what the exchange expects where it is to do nothing.
const noInstructions = "<Response/>"

func signature(secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// verify returns the event of a request, with the form as its payload.
func verify(_ context.Context, r sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	headers := textproto.MIMEHeader(r.Headers)
	sent, err := hex.DecodeString(headers.Get(signatureHeader))
	genuine := false
	for _, secret := range r.Secrets { // whichever of them matches, in the same time
		genuine = hmac.Equal(sent, signature(secret, r.Body)) || genuine
	}
	if err != nil || !genuine {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: "the signature in the header " + signatureHeader + " does not match"}
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Genuine: true, Reason: "the body is no form"}
	}
	if challenge := form.Get("challenge"); challenge != "" {
		return sdk.WebhookEvent{Reply: &sdk.WebhookReply{ContentType: "text/plain", Body: []byte(challenge)}}, nil
	}
	fields := make(map[string]string, len(form))
	for name := range form {
		fields[name] = form.Get(name)
	}
	payload, err := json.Marshal(fields)
	return sdk.WebhookEvent{
		ID: headers.Get(deliveryHeader), IDUnsigned: true, Type: "call." + form.Get("state"), Payload: payload,
		Reply: &sdk.WebhookReply{ContentType: "text/xml", Body: []byte(noInstructions)},
	}, err
}

// sample makes a request that verify accepts.
func sample(_ context.Context, r sdk.SampleRequest) (sdk.Sample, error) {
	form := url.Values{"state": {"ringing"}, "from": {"+1 555 0100"}, "call": {rand.Text()}}
	body := []byte(form.Encode())
	return sdk.Sample{Body: body, Headers: map[string]string{
		"Content-Type":  "application/x-www-form-urlencoded",
		signatureHeader: hex.EncodeToString(signature(r.Secret, body)),
		deliveryHeader:  rand.Text(),
	}}, nil
}

func phone() sdk.Plugin {
	return sdk.New(sdk.Info{Name: "phone", Version: "1.0.0"},
		sdk.Webhook{EventTypes: []string{"call.ringing"}, Verify: verify, Sample: sample})
}

func main() { sdk.Serve(phone()) }
