package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/backflow/backflow/sdk"
)

// credentials is the entry "stripe" under "credentials" in the config.
type credentials struct {
	SecretKey     string `json:"secretKey"`
	WebhookSecret string `json:"webhookSecret"`
	APIBase       string `json:"apiBase"`
	// APIDescription is the path of an OpenAPI description of the API, APIVersion the
	// version that it has to be of.
	APIDescription string `json:"apiDescription"`
	APIVersion     string `json:"apiVersion"`
}

// credentialsSchema describes credentials. An empty apiBase means Stripe's own.
var credentialsSchema = json.RawMessage(`{` +
	`"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,` +
	`"required":["secretKey"],"properties":{` +
	`"secretKey":{"type":"string","minLength":1,"writeOnly":true,"description":"A secret or restricted key of the Stripe account (sk_… or rk_…)."},` +
	`"webhookSecret":{"type":"string","minLength":1,"writeOnly":true,"description":"The signing secret of the webhook endpoint (whsec_…)."},` +
	`"apiBase":{"type":"string","pattern":"^(https?://[^/?#]+/?)?$","description":"Where Stripe's API is, if not at https://api.stripe.com: a mock or a proxy."},` +
	`"apiDescription":{"type":"string","minLength":1,"description":"An OpenAPI description of Stripe's API, a file: its version is used, and its operations can be called."},` +
	`"apiVersion":{"type":"string","minLength":1,"description":"The version that apiDescription is of, which is checked."}}}`)

// notInDev keeps keys that move real money off a developer's machine
// (https://docs.stripe.com/keys#test-live-modes), wherever apiBase sends them.
// A key of an organization counts as a live one unless it says that it is not: they are
// known to begin with sk_org, in every mode
// (https://docs.stripe.com/keys/organization-api-keys).
var notInDev = []sdk.CredentialPattern{
	{
		Field: "secretKey", Pattern: `(sk|rk)_(org_)?live_.*`,
		Reason: "a live key, with which dev would move real money: take a test key (sk_test_… or rk_test_…), or unset it and dev runs the sandbox",
	},
	{
		Field: "secretKey", Pattern: `sk_org([^_].*|_([^t].*|t([^e].*)?|te([^s].*)?|tes([^t].*)?|test([^_].*)?))`,
		Reason: "the key of an organization, which may be a live one: take a test key of an account (sk_test_… or rk_test_…), or unset it and dev runs the sandbox",
	},
}

// check refuses what cannot work, without naming a secret.
func (c credentials) check() error {
	if err := checkSecret("secretKey", c.SecretKey); err != nil {
		return err
	}
	if c.WebhookSecret != "" {
		if err := checkSecret("webhookSecret", c.WebhookSecret); err != nil {
			return err
		}
	}
	if c.APIBase != "" {
		return c.checkBase()
	}
	switch {
	case strings.HasPrefix(c.SecretKey, "sk_") || strings.HasPrefix(c.SecretKey, "rk_"):
		return nil
	case strings.HasPrefix(c.SecretKey, "pk_"):
		return errors.New("credentials.stripe.secretKey is a publishable key (pk_…); a secret or restricted key is needed (sk_… or rk_…)")
	case strings.HasPrefix(c.SecretKey, "whsec_"):
		return errors.New("credentials.stripe.secretKey is a webhook secret (whsec_…), which belongs into webhookSecret")
	default:
		return errors.New("credentials.stripe.secretKey is no Stripe secret key: it starts with sk_ or rk_")
	}
}

func checkSecret(field, secret string) error {
	switch {
	case strings.TrimSpace(secret) == "":
		return errors.New("credentials.stripe." + field + " is empty")
	case strings.TrimSpace(secret) != secret:
		return errors.New("credentials.stripe." + field + " is surrounded by white space")
	case strings.ContainsFunc(secret, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII }):
		return errors.New("credentials.stripe." + field + " holds white space or a character that no key has")
	}
	return nil
}

// live reports whether the key may move real money: it is a live one, or that of an
// organization which does not say otherwise.
func (c credentials) live() bool {
	if mode := modeOf(c.SecretKey); mode != nil {
		return *mode
	}
	return strings.HasPrefix(c.SecretKey, "sk_org")
}

// checkBase refuses a base that is not a plain http or https address, and a live
// key that would cross a network in the clear.
func (c credentials) checkBase() error {
	base, err := url.Parse(c.APIBase)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" ||
		base.User != nil || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" {
		return errors.New("credentials.stripe.apiBase is not an address such as https://api.stripe.com (no path, no query)")
	}
	host := base.Hostname()
	ip := net.ParseIP(host)
	loopback := host == "localhost" || ip != nil && ip.IsLoopback()
	if base.Scheme == "http" && !loopback && c.live() {
		return errors.New("credentials.stripe.apiBase is http: a live key is sent over https only")
	}
	return nil
}
