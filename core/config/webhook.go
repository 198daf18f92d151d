package config

import (
	"strings"
	"time"
)

// Webhook is a receiver of events.
type Webhook struct {
	Pos  Pos
	Name string
	Path string
	// Provider is what verifies the events: a built-in provider, or an integration.
	Provider string
	// Secrets of its own. Where none is given, the webhook uses the secret in the
	// credentials of its provider.
	Secrets WebhookSecrets
	// Window is how long a cause makes no other event of the gateway; it means nothing
	// to other providers.
	Window time.Duration
	// Custom says how the sender signs, of the provider custom alone.
	Custom WebhookCustom
	// Challenge is how the sender tests the URL.
	Challenge WebhookChallenge
	// Actions are the steps that an event runs, an array; its ID is empty.
	Actions Definition
	// Filter says which events run.
	Filter WebhookFilter
	// Ordered and Lane say how events take turns: JSON, whose Node is nil where the
	// webhook has none.
	Ordered, Lane Definition
	// Fetch has the provider fetch what an event is about, before the actions run.
	Fetch bool
	// Respond is the response to an event that is stored.
	Respond WebhookRespond
	// KeepRefused keeps the bodies of refused requests in memory.
	KeepRefused bool
	// Reconcile says how the events are compared with what the vendor lists.
	Reconcile Reconcile

	node *Node
}

// WebhookSecrets are what a webhook's events are signed with.
type WebhookSecrets struct {
	// Given says that the config names secrets, whether or not they have values.
	Given bool
	// Values are tried in order. In dev there may be fewer than are given: what
	// needs variables that are not set is left out (see Options).
	Values []Secret
}

// At returns where the value is written that a JSON Pointer into the webhook names, or
// its nearest ancestor.
func (w Webhook) At(pointer string) Pos { return w.node.At(pointer) }

func webhooksSchema() schema[[]Webhook] {
	webhook := object(
		key("name", text("name", simpleName("a webhook").check), func(w *Webhook) *string { return &w.Name },
			"Name of the webhook, unique.").required(),
		key("path", text("path", checkWebhookPath), func(w *Webhook) *string { return &w.Path },
			"Path at which events are received, by POST; unique, and none of the gateway's own. Required, but for the provider `backflow`."),
		key("provider", text("name", integrationName.check), func(w *Webhook) *string { return &w.Provider },
			"What verifies the events: a built-in provider such as `github`, `custom`, or a plugin such as `stripe`.").required(),
		key("secret", webhookSecretSchema(), func(w *Webhook) *WebhookSecrets { return &w.Secrets },
			"Secret that the events are signed with. Without it and without `secrets`: the one in the integration's credentials."),
		key("secrets", webhookSecretsSchema(), func(w *Webhook) *WebhookSecrets { return &w.Secrets },
			"Several secrets at once, the new one first, while the sender changes over."),
		key("respond", webhookRespondSchema(), func(w *Webhook) *WebhookRespond { return &w.Respond },
			"What the sender of an event that is stored gets, where it wants an answer at once."),
		key("keepRefused", boolean(), func(w *Webhook) *bool { return &w.KeepRefused },
			"Whether the bodies and headers of refused requests are kept in memory, to be looked into.").withDefault("false"),
		key("actions", actionsSchema(), func(w *Webhook) *Definition { return &w.Actions },
			"The steps that an event runs, as in a workflow, over `payload`."),
		key("filter", webhookFilterSchema(), func(w *Webhook) *WebhookFilter { return &w.Filter },
			"Which events run: a list of types, in which `*` is any text, or a condition over `payload`, `event`, `headers` and `query`. The others are kept without a run."),
		key("ordered", orderedSchema(), func(w *Webhook) *Definition { return &w.Ordered },
			"Events with the same key are worked on one at a time, in the order of their arrival: a template, or `{key, blockFor}`."),
		key("lane", laneSchema(), func(w *Webhook) *Definition { return &w.Lane },
			"`{key, concurrency, rate}`: how many events with the same key are worked on at once, and begin in a time."),
		key("fetch", boolean(), func(w *Webhook) *bool { return &w.Fetch },
			"Whether the first step of a run fetches what the event is about as it is then, into `payload.fetched`."),
		key("reconcile", reconcileSchema(), func(w *Webhook) *Reconcile { return &w.Reconcile },
			"Compares the events with those that the vendor lists, and takes in what never arrived."),
		key("window", windowSchema(), func(w *Webhook) *time.Duration { return &w.Window },
			"For the provider `backflow`: how long a cause makes no other event. `0s` makes one each time.").withDefault(`"10m"`),
		key("custom", webhookCustomSchema(), func(w *Webhook) *WebhookCustom { return &w.Custom },
			"How the sender signs, of the provider `custom`."),
		key("challenge", webhookChallengeSchema(), func(w *Webhook) *WebhookChallenge { return &w.Challenge },
			"How the sender tests the URL before it sends events: a text that it gets back, at most 512 bytes, as text."),
	).with(func(v value, w *Webhook) {
		checkOwn(v, w)
		w.Pos, w.node = v.node.Pos, v.node
		w.Secrets.Given = v.node.Get("secret") != nil || v.node.Get("secrets") != nil
		if w.Actions.Node == nil {
			w.Actions = Definition{Raw: []byte("[]"), Node: &Node{Kind: Array, Pos: v.node.Pos}}
		}
		if second := v.node.member("secrets"); second != nil && v.node.Get("secret") != nil {
			v.add(second.KeyPos, "put all of them into secrets", "%sboth secret and secrets are given", v.prefix())
		}
	})
	return uniqueBy(uniqueBy(list(webhook), "name"), "path")
}

// webhookSecretSchema declares one secret that may be unset in dev.
func webhookSecretSchema() schema[WebhookSecrets] {
	s := secretText(anyText)
	return schema[WebhookSecrets]{
		description: s.description,
		decode: func(v value, into *WebhookSecrets) {
			if !v.expect(String, "a string") {
				return
			}
			if _, ok := v.expand(true); !ok {
				return
			}
			var secret Secret
			if s.decode(v, &secret); !secret.IsZero() {
				into.Values = append(into.Values, secret)
			}
		},
	}
}

func webhookSecretsSchema() schema[WebhookSecrets] {
	of := webhookSecretSchema()
	return schema[WebhookSecrets]{
		description: description{typ: "array", items: &of.description},
		decode: func(v value, into *WebhookSecrets) {
			if !v.expect(Array, "an array") {
				return
			}
			if len(v.node.Elements) == 0 {
				v.fault("leave the key out to use the secret in the integration's credentials", "there is no secret in the list")
			}
			for i := range v.node.Elements {
				of.decode(v.index(i), into)
			}
		},
	}
}

// checkWebhookPath leaves it to the gateway to refuse paths of its own.
func checkWebhookPath(s string) (problem, hint string) {
	if !strings.HasPrefix(s, "/") {
		return `a path begins with "/"`, `as in "/webhooks/stripe"`
	}
	return "", ""
}
