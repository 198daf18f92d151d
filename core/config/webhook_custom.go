package config

import (
	"time"

	"golang.org/x/net/http/httpguts"
)

// WebhookCustom says how the sender of a webhook of the provider custom signs. Package
// provider says what its fields mean.
type WebhookCustom struct {
	// Given: the config has the key.
	Given                       bool
	Header, Algorithm, Encoding string
	Prefix                      string
	TimestampHeader, IDHeader   string
	Content                     string
	Tolerance                   time.Duration
	// ToleranceGiven: the config has the tolerance, and not its default.
	ToleranceGiven bool
}

func webhookCustomSchema() schema[WebhookCustom] {
	return object(
		key("header", text("header", checkHeaderName), func(c *WebhookCustom) *string { return &c.Header },
			"Header that holds the signature, or several of them between spaces, commas or semicolons.").required(),
		key("algorithm", oneOf("sha256", "sha512", "sha1"), func(c *WebhookCustom) *string { return &c.Algorithm },
			"Hash function of the HMAC. With a secret that begins with `whpk_`, a public key, signatures are those of ed25519.").withDefault(`"sha256"`),
		key("encoding", oneOf("hex", "base64"), func(c *WebhookCustom) *string { return &c.Encoding },
			"How the signature is written.").withDefault(`"hex"`),
		key("prefix", text("text", anyText), func(c *WebhookCustom) *string { return &c.Prefix },
			"What stands before each signature, such as `sha256=`."),
		key("timestampHeader", text("header", checkHeaderNameOrNone), func(c *WebhookCustom) *string { return &c.TimestampHeader },
			"Header that holds the time: seconds or milliseconds since 1970, or RFC 3339. The same as `header`: the time is what follows `t=` in it. Without it no time is checked."),
		key("idHeader", text("header", checkHeaderNameOrNone), func(c *WebhookCustom) *string { return &c.IDHeader },
			"Header that holds the id of the event. Without it the id is the digest of what is signed."),
		key("content", templateText(), func(c *WebhookCustom) *string { return &c.Content },
			"What is signed: `{{body}}`, `{{timestamp}}`, `{{id}}`, `{{url}}`, `{{headers.NAME}}` and text between them.").withDefault(`"{{body}}"`),
		key("tolerance", duration(), func(c *WebhookCustom) *time.Duration { return &c.Tolerance },
			"How far the time may be from the gateway's, both ways.").withDefault(`"300s"`),
	).with(func(v value, c *WebhookCustom) { c.Given, c.ToleranceGiven = true, v.node.Get("tolerance") != nil })
}

// templateText declares a text whose placeholders are those of the receiver, and are not
// expanded with the config.
func templateText() schema[string] {
	return schema[string]{
		description: description{typ: "template", jsonSchema: map[string]any{"type": "string"}},
		decode: func(v value, into *string) {
			if v.expect(String, "a string") {
				*into = v.node.Text
			}
		},
	}
}

// checkHeaderName checks the name of a header.
func checkHeaderName(s string) (problem, hint string) {
	if !httpguts.ValidHeaderFieldName(s) {
		return "not the name of a header", `as in "X-Signature"`
	}
	return "", ""
}

// checkHeaderNameOrNone takes an empty text too, which is no header.
func checkHeaderNameOrNone(s string) (problem, hint string) {
	if s == "" {
		return "", ""
	}
	return checkHeaderName(s)
}
