package provider

import (
	"bytes"
	"context"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const standardPage = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"

// standard is Standard Webhooks 1.0, and Svix, where it comes from, whose headers begin
// with svix- (https://docs.svix.com/receiving/verifying-payloads/how-manual). Signed are
// the id, the time and the body: with HMAC-SHA256 (v1) where the secret is whsec_…, and
// with ed25519 (v1a) where it is a public key, whpk_….
func standard() Provider {
	samples := samplesOf("standard")
	return Provider{
		Name: "standard", Page: standardPage, SecretField: secretField,
		Headers:   []string{"webhook-signature", "webhook-id", "webhook-timestamp", "svix-signature", "svix-id", "svix-timestamp"},
		Timestamp: "the header webhook-timestamp", EventID: "the header webhook-id", IDSigned: true,
		EventTypes: samples.types(), NewSecret: newStandardSecret, CheckSecret: checkStandardSecret, Verify: verifyStandard,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			made, err := samples.unsigned("standard", asked)
			if err != nil {
				return sdk.Sample{}, err
			}
			return made, signStandard(&made, asked)
		},
	}
}

func checkStandardSecret(secret string) error {
	if isPublicKey(secret) {
		return checkPublicKey(secret)
	}
	_, err := standardKey(secret)
	return err
}

// verifyStandard implements Provider.Verify.
func verifyStandard(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	id, err := r.checkStandard()
	if err != nil {
		return Verified{}, err
	}
	read := func(r *request) (value.Doc, error) { return payloadOf(r.contentType(), r.Body, "") }
	if strings.Contains(id, ".") {
		// What is signed could be cut at another dot: into an id that has the time and the
		// beginning of a body, a time that the sender of an event wrote into that body, and its rest, which
		// is anything but JSON.
		read = jsonBody
	}
	payload, err := read(r)
	if err != nil {
		return Verified{}, err
	}
	eventType, _ := at(payload, "type")
	return Verified{ID: id, Type: eventType, Payload: payload.Raw()}, nil
}

// checkStandard returns the id, if signature and time hold. The error is a refusal.
func (r *request) checkStandard() (id string, err error) {
	prefix := "webhook-"
	if r.words("webhook-signature", "") == nil && r.words("svix-signature", "") != nil {
		prefix = "svix-"
	}
	// A secret of the other kind makes no signature of this one.
	symmetric, err := r.signatures(prefix+"signature", "v1,", inBase64)
	asymmetric, other := r.signatures(prefix+"signature", "v1a,", inBase64)
	if err != nil && other != nil {
		return "", err
	}
	id, hasID := r.header(prefix + "id")
	timestamp, hasTime := r.header(prefix + "timestamp")
	switch {
	case !hasID:
		return "", refuse("the header %sid is missing or given twice, which is signed", prefix)
	case !hasTime:
		return "", refuse("the header %stimestamp is missing or given twice, which is signed", prefix)
	}
	content := standardContent(id, timestamp, r.Body)
	if !anyMAC(hmacSHA256, standardKeys(r.Secrets), symmetric, content) && !anyEd25519(publicKeys(r.Secrets), asymmetric, content) {
		return "", notSigned(prefix + "signature")
	}
	return id, r.fresh("the timestamp in the header "+prefix+"timestamp", timestamp, inSeconds)
}

func standardContent(id, timestamp string, body []byte) []byte {
	return bytes.Join([][]byte{[]byte(id), []byte(timestamp), body}, []byte("."))
}

// standardKeys are the keys of the secrets that are no public keys.
func standardKeys(secrets []string) [][]byte {
	var keys [][]byte
	for _, secret := range secrets {
		if !isPublicKey(secret) {
			if key, err := standardKey(secret); err == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// signStandard signs a sample. Errors are *sdk.Error.
func signStandard(made *sdk.Sample, asked sdk.SampleRequest) error {
	if isPublicKey(asked.Secret) {
		return errPublicKey
	}
	key, err := standardKey(asked.Secret)
	if err != nil {
		return sdk.Refuse(sdk.CodeInvalidParams, "%s", err)
	}
	id, timestamp := filler(asked.Now)("msg_$ID"), inSeconds.write(asked.Now)
	made.Headers["webhook-id"], made.Headers["webhook-timestamp"] = id, timestamp
	made.Headers["webhook-signature"] = "v1," + inBase64.encode(hmacSHA256.mac(key, standardContent(id, timestamp, made.Body)))
	return nil
}
