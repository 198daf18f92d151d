package compile

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/provider"
)

// isBuiltIn reports whether a name is that of a provider of webhooks that needs no
// plugin.
func (p *Plan) isBuiltIn(name string) bool {
	return name == provider.Custom || p.options.WebhookProviders.Has(name)
}

// providerNames are those of the providers that need no plugin, the gateway itself
// among them.
func (p *Plan) providerNames() []string {
	return append(p.options.WebhookProviders.Names(), provider.Custom, config.ProviderBackflow)
}

// WebhookProvider returns the provider of a webhook, with what its config says of it. The
// integration is the one of the provider's name, nil where none exists; ok is false where
// neither verifies webhooks.
func (p *Plan) WebhookProvider(w config.Webhook, integration provider.Integration) (found provider.Provider, ok bool) {
	if w.Provider == provider.Custom {
		custom, err := provider.NewCustom(customConfig(w.Custom))
		if err != nil { // a fault of the plan
			return provider.Provider{}, false
		}
		found, ok = provider.Table{custom}.Lookup(provider.Custom, nil)
	} else {
		found, ok = p.options.WebhookProviders.Lookup(w.Provider, integration)
	}
	if !ok || !w.Challenge.Given || found.Verify == nil {
		return found, ok
	}
	c := provider.Challenge{Method: w.Challenge.Method, Param: w.Challenge.Param, Path: w.Challenge.Path}
	if c.Method == "" {
		c = found.Challenge
	}
	c.VerifyToken = w.Challenge.VerifyToken.Reveal()
	return found.WithChallenge(c), true
}

func customConfig(c config.WebhookCustom) provider.CustomConfig {
	return provider.CustomConfig{
		Header: c.Header, Algorithm: c.Algorithm, Encoding: c.Encoding, Prefix: c.Prefix,
		TimestampHeader: c.TimestampHeader, IDHeader: c.IDHeader, Content: c.Content, Tolerance: c.Tolerance,
	}
}

// checkVerification reports what is wrong with how the config says that senders sign,
// and how they test their URL.
func (p *Plan) checkVerification() {
	for i, w := range p.Config.Webhooks {
		at := indexPointer("/webhooks", i)
		fault := func(key, hint, format string, args ...any) {
			p.fault(config.Fault{Pos: p.Config.At(at + key), Message: fmt.Sprintf("webhooks[%d]: ", i) + fmt.Sprintf(format, args...), Hint: hint})
		}
		switch isCustom := w.Provider == provider.Custom; {
		case isCustom && !w.Custom.Given:
			fault("", `give "custom": { "header": "X-Signature", … }`, "the provider custom needs %q, which says how the sender signs", "custom")
		case !isCustom && w.Custom.Given && w.Provider != "":
			fault("/custom", `leave it out, or give "provider": "custom"`, "%q is for the provider custom: how %s signs is known", "custom", w.Provider)
		case isCustom && w.Custom.Header != "": // without it there is a fault already
			p.checkCustom(w, at, i)
		}
		p.checkReachability(w, at, i)
		if w.Challenge.Given && w.Challenge.Method == "" && w.Challenge.Param == "" && w.Challenge.Path == "" && w.Provider != "" &&
			p.providers[w.Provider].Challenge.Method == "" {
			fault("/challenge", `give "method" and "param" or "path"`, "the provider %s has no challenge of its own", w.Provider)
		}
	}
}

// checkReachability warns of a webhook that would refuse every request of its sender, or
// every test of its URL, for what the config does not say.
func (p *Plan) checkReachability(w config.Webhook, at string, i int) {
	if !p.isBuiltIn(w.Provider) {
		return // what a plugin's provider needs is known when it runs
	}
	found, ok := p.WebhookProvider(w, nil)
	warn := func(key, hint, format string, args ...any) {
		p.warn(config.Fault{Pos: p.Config.At(at + key), Message: fmt.Sprintf("webhooks[%d]: ", i) + fmt.Sprintf(format, args...), Hint: hint})
	}
	if ok && found.SignsURL && p.Config.Server.PublicURL == "" {
		warn("/provider", `give "server": { "publicUrl": "https://…" }, what the sender calls`,
			"the URL is part of what the sender signs, and server.publicUrl is not set: every request is refused")
	}
	if ok && found.Challenge.Tokened && !w.Challenge.Given {
		warn("/provider", `give "challenge": { "verifyToken": "{{env.…}}" }, the text that you enter there`,
			"%s tests the URL by a token, and the config has none: the test is refused", w.Provider)
	}
}

// checkCustom reports what is wrong with how a webhook says that its sender signs.
func (p *Plan) checkCustom(w config.Webhook, at string, i int) {
	c := customConfig(w.Custom)
	_, err := provider.NewCustom(c)
	if err == nil && !c.SignsTime() {
		p.warn(config.Fault{
			Pos:     p.Config.At(at + "/custom/timestampHeader"),
			Message: fmt.Sprintf("webhooks[%d].custom.timestampHeader: the time is no part of what is signed, so that it can be changed by whoever catches a request", i),
			Hint:    `give "content": "{{timestamp}}.{{body}}", if the sender signs that`,
		})
	}
	if err == nil && w.Custom.ToleranceGiven && c.TimestampHeader == "" {
		p.warn(config.Fault{
			Pos:     p.Config.At(at + "/custom/tolerance"),
			Message: fmt.Sprintf("webhooks[%d].custom.tolerance: no time is checked, since no header is named that has it", i),
			Hint:    `give "timestampHeader", or leave it out`,
		})
	}
	if wrong, ok := errors.AsType[*provider.ConfigError](err); ok {
		p.fault(config.Fault{
			Pos: p.Config.At(at + "/custom/" + wrong.Key), Message: fmt.Sprintf("webhooks[%d].custom.%s", i, wrong.Error()), Hint: wrong.Hint,
		})
	}
}

// checkWebhookSecretForms makes sure that the secrets of a webhook have the form of its
// sender's. The faults do not quote them.
func (p *Plan) checkWebhookSecretForms(w config.Webhook, i int, check func(string) error) {
	if check == nil {
		return
	}
	for n, secret := range p.WebhookSecrets(w) {
		if err := check(secret); err != nil {
			p.fault(config.Fault{
				Pos: p.secretPos(w, i, n), Message: fmt.Sprintf("the secret of webhook %q is not one of %s: %v", w.Name, cmp.Or(w.Provider, "its provider"), err),
			})
		}
	}
}
