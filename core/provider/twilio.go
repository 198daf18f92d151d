package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// The page of Twilio on how it signs, and the headers that it sends. The second names
// the algorithm where the webhook is signed with a shared key instead of the account's
// token: key=webhooks_sharedkey_…,algorithm=HMAC_SHA256.
const (
	twilioPage      = "https://www.twilio.com/docs/usage/webhooks/webhooks-security"
	twilioSignature = "X-Twilio-Signature"
	twilioSettings  = "X-Twilio-Webhooks-Signature-Settings"
)

// twilioProvider verifies what Twilio sends. It signs the URL that it calls, followed by
// each field of the form, sorted by name, as name and value without anything between;
// of a body that is no form, the SHA-256 is in the query, as bodySHA256.
//
// It signs no time. And names and values run together in what is signed, so that the
// same signature holds for fields that are cut in another way, an id among them: what is
// signed is the content, and the same content is the same event.
func twilioProvider() Provider {
	samples := samplesOf("twilio")
	return Provider{
		Name: "twilio", Page: twilioPage, SecretField: secretField, SignsURL: true, Methods: []string{http.MethodGet},
		Headers:    []string{twilioSignature, twilioSettings},
		EventID:    "MessageSid of the form; for what has none, or comes several times for one message or call, the Sid and the status or a digest",
		EventTypes: samples.types(),
		Verify:     verifyTwilio,
		Sample: func(_ context.Context, asked sdk.SampleRequest) (sdk.Sample, error) {
			return sampleOfTwilio(samples, asked)
		},
	}
}

func verifyTwilio(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	signatures, err := r.signatures(twilioSignature, "", inBase64)
	if err != nil {
		return Verified{}, err
	}
	algorithm, err := r.twilioAlgorithm()
	if err != nil {
		return Verified{}, err
	}
	address, err := r.wholeURL()
	if err != nil {
		return Verified{}, err
	}
	query := r.query()
	fields, err := r.twilioFields(query)
	if err != nil {
		return Verified{}, err
	}
	content, ok := []byte(nil), false
	for _, address := range addresses(address) {
		signed := twilioContent(address, fields)
		if anyMAC(algorithm, rawKeys(r.Secrets), signatures, signed) {
			content, ok = signed, true
		}
	}
	if !ok {
		return Verified{}, notSignedAt(twilioSignature, r)
	}
	verified := Verified{Content: content}
	payload, err := r.twilioPayload(query)
	if err != nil {
		return Verified{}, err
	}
	verified.Payload = payload.Raw()
	verified.ID, verified.Type, verified.Reply = twilioEvent(payload, content)
	return verified, nil
}

// twilioAlgorithm returns the algorithm of the signature: HMAC-SHA1 unless the settings
// name another, as Twilio's own package has it:
// https://github.com/twilio/twilio-node/blob/main/src/webhooks/webhooks.ts.
func (r *request) twilioAlgorithm() (algorithm, error) {
	settings, _ := r.header(twilioSettings)
	for setting := range strings.SplitSeq(settings, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(setting), "=")
		if name != "algorithm" {
			continue
		}
		switch strings.ToUpper(strings.TrimSpace(value)) {
		case "", "HMAC_SHA1":
		case "HMAC_SHA256":
			return hmacSHA256, nil
		default:
			return "", refuse("the header %s names an algorithm that is not known: there are HMAC_SHA1 and HMAC_SHA256", twilioSettings)
		}
	}
	return hmacSHA1, nil
}

// twilioFields returns the fields of the form that are signed after the URL: none where
// the body is signed by its digest in the query, or is empty.
func (r *request) twilioFields(query url.Values) (url.Values, error) {
	switch {
	case query.Has("bodySHA256"):
		sum := sha256.Sum256(r.Body)
		if !equal(strings.ToLower(query.Get("bodySHA256")), hex.EncodeToString(sum[:])) {
			return nil, refuse("bodySHA256 in the query is not the digest of the body: the body was changed on its way")
		}
		return nil, nil
	case len(r.Body) == 0:
		return nil, nil
	case isForm(r.contentType()):
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			return nil, refuse("the body is no form: %v", err)
		}
		return form, nil
	default:
		return nil, refuse("the body is not signed: it is no form, and the query has no bodySHA256")
	}
}

// isForm reports whether a content type is that of the fields of a form.
func isForm(contentType string) bool {
	typ, _, err := mime.ParseMediaType(contentType)
	return err == nil && typ == formType
}

// twilioContent is what is signed of a request to a URL: of a field that is given
// several times, each value once, sorted.
func twilioContent(address string, fields url.Values) []byte {
	var content strings.Builder
	content.WriteString(address)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values := slices.Clone(fields[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			content.WriteString(name)
			content.WriteString(value)
		}
	}
	return []byte(content.String())
}

// place is the URL that was called, without the query, which may hold what is secret.
func (r *request) place() string {
	place, _, _ := strings.Cut(r.URL, "?")
	return place
}

// notSignedAt is the refusal of a request whose URL is signed, and whose signatures do
// not match.
func notSignedAt(header string, r *request) error {
	return refuse("the signature in the header %s does not match: it is made with another secret, or of another URL than %s, which server.publicUrl gives, or the request was changed on its way", header, r.place())
}

// addresses are the ways in which a sender may have written the URL that it signed: with
// a port and without one, as Twilio's page advises.
func addresses(address string) []string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return []string{address}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, target := rest[:end], rest[end:]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		return []string{address, scheme + "://" + host[:colon] + target}
	}
	port := ":443"
	if strings.EqualFold(scheme, "http") {
		port = ":80"
	}
	return []string{address, scheme + "://" + host + port + target}
}

// twilioPayload is the form, or what else the body is; of a request by GET it is the
// query.
func (r *request) twilioPayload(query url.Values) (value.Doc, error) {
	if len(r.Body) == 0 {
		return formPayload(query, nil)
	}
	return payloadOf(r.contentType(), r.Body, "")
}

// twilioEvent says which event a request is. Twilio gives events no id of their own, and
// one type to none:
//
//   - An incoming message is message.received, by its MessageSid. A report on a message
//     that was sent is message.STATUS, by MessageSid and status.
//   - What comes of a call is call.STATUS; of one call there are many requests that
//     nothing tells apart but their content, so the id is CallSid and a digest of that.
//   - Anything else has its EventType, if it has one, and the digest as id.
//
// What Twilio reads instructions from, for an incoming message and while a call lasts, is
// replied to with the empty ones of https://www.twilio.com/docs/usage/webhooks/messaging-webhooks.
func twilioEvent(payload value.Doc, content []byte) (id, eventType string, reply *Reply) {
	text := func(names ...string) string {
		for _, name := range names {
			if text, ok := at(payload, name); ok {
				return text
			}
		}
		return ""
	}
	instructions := &Reply{ContentType: "text/xml", Body: []byte("<Response/>")}
	message, call := text("MessageSid", "SmsSid"), text("CallSid")
	status := strings.ToLower(text("MessageStatus", "SmsStatus"))
	switch {
	case text("EventType") != "":
		return digest(content), text("EventType"), nil
	case message != "" && call == "" && (status == "" || status == "received"):
		return message, "message.received", instructions
	case message != "" && call == "":
		return message + ":" + status, "message." + status, nil
	case call != "":
		eventType = "call"
		if status := strings.ToLower(text("CallStatus")); status != "" {
			eventType += "." + status
		}
		if text("CallbackSource") != "" || text("RecordingSid") != "" { // a report, which is not asked for instructions
			instructions = nil
		}
		return call + ":" + strings.TrimPrefix(digest(content), "sha256:")[:32], eventType, instructions
	}
	return digest(content), "", nil
}

func sampleOfTwilio(all samples, asked sdk.SampleRequest) (sdk.Sample, error) {
	made, err := all.unsigned("twilio", asked)
	if err != nil {
		return sdk.Sample{}, err
	}
	if asked.URL == "" {
		return sdk.Sample{}, sdk.Refuse(sdk.CodeInvalidParams, "twilio signs the URL that it calls, and the gateway's is not known: set server.publicUrl")
	}
	form, err := url.ParseQuery(string(made.Body))
	if err != nil {
		return sdk.Sample{}, err
	}
	made.Headers[twilioSignature] = inBase64.encode(hmacSHA1.mac([]byte(asked.Secret), twilioContent(asked.URL, form)))
	return made, nil
}
