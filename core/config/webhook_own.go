package config

import (
	"slices"
	"time"
)

// ProviderBackflow is the provider of webhooks that receive what happens to the
// gateway itself.
const ProviderBackflow = "backflow"

// Own reports whether the webhook receives what happens to the gateway itself. It has
// no path then and no secret: nobody sends to it.
func (w Webhook) Own() bool { return w.Provider == ProviderBackflow }

// senderKeys are those that have a meaning only where a sender sends over HTTP.
var senderKeys = []string{"path", "secret", "secrets", "custom", "challenge", "respond", "keepRefused", "fetch", "reconcile"}

// checkOwn makes sure that a webhook has what its provider needs, and nothing that has
// no meaning there.
func checkOwn(v value, w *Webhook) {
	if v.node.Kind != Object {
		return
	}
	if !w.Own() {
		if v.node.Get("path") == nil && w.Provider != "" {
			v.fault("", "%q is missing", "path")
		}
		if m := v.node.member("window"); m != nil {
			v.add(m.KeyPos, "leave it out: each event of a sender is one event", "%s%q is for the provider %s", v.prefix(), "window", ProviderBackflow)
		}
		return
	}
	for _, m := range v.node.Members {
		if slices.Contains(senderKeys, m.Key) {
			v.add(m.KeyPos, "leave it out: what happens to the gateway comes from itself, not over HTTP", "%sa webhook of the provider %s has no %q", v.prefix(), ProviderBackflow, m.Key)
		}
	}
}

// windowSchema declares a span of time that may be zero.
func windowSchema() schema[time.Duration] {
	s := duration()
	decode := s.decode
	s.decode = func(v value, into *time.Duration) {
		if v.node.Kind == String && v.node.Text == "0s" {
			*into = 0
			return
		}
		decode(v, into)
	}
	return s
}
