package config

import (
	"maps"
	"net/url"
	"regexp"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// Destination is a receiver of messages that are sent. What its values mean is checked
// where they are used, by core/destination.
type Destination struct {
	Pos  Pos
	Name string
	// URL may hold secrets; Shown is it as it was written.
	URL   Secret
	Shown string
	// Secrets and Keys are what messages are signed with, all of them.
	Secrets, Keys []Secret
	// Types are nil where the config has none.
	Types       []string
	Headers     map[string]Secret
	Concurrency int
	Rate        workflow.Rate
	// Ordered is the order of its messages; its Node is nil where the config has none.
	Ordered Definition
	Timeout time.Duration

	node *Node
}

// Fault returns a fault of the value that a JSON Pointer into the destination names,
// where it is written; the message is put behind the destination's name.
func (d Destination) Fault(pointer, message, hint string) Fault {
	return Fault{Pos: d.node.At(pointer), Message: "destinations." + d.Name + pointerPath(pointer) + ": " + message, Hint: hint}
}

// Bounds of a destination.
const (
	maxDestinationConcurrency = 1000
	minDestinationTimeout     = time.Second
	maxDestinationTimeout     = time.Minute
)

func destinationsSchema() schema[[]Destination] {
	destination := object(
		key("name", text("name", simpleName("a destination").check), func(d *Destination) *string { return &d.Name },
			"Name of the destination, unique. `webhook.send` names it.").required(),
		key("url", destinationURLSchema(), func(d *Destination) *Secret { return &d.URL },
			"Where its messages are sent to, by POST: `https://…`, or `http://…` at a host that `egress.allow` names.").required(),
		key("secret", oneSecret(), func(d *Destination) *[]Secret { return &d.Secrets },
			"What its messages are signed with, by HMAC: `whsec_` and base64, as Standard Webhooks has it."),
		key("secrets", list(secretText(anyText)), func(d *Destination) *[]Secret { return &d.Secrets },
			"Several secrets at once, the new one first: messages are signed with all of them, while the receiver changes over."),
		key("key", oneSecret(), func(d *Destination) *[]Secret { return &d.Keys },
			"What its messages are signed with, by ed25519: `whsk_` and base64. Receivers find the public key at `/.well-known/webhook-keys`."),
		key("keys", list(secretText(anyText)), func(d *Destination) *[]Secret { return &d.Keys },
			"Several keys at once, the new one first."),
		key("types", list(text("pattern", checkNotEmpty)), func(d *Destination) *[]string { return &d.Types },
			"Which of the messages of `webhook.publish` it gets, by their types; `*` stands for any run of characters, as in `order.*`. Default: all."),
		key("headers", dict(headerName, secretText(checkHeaderSafe)), func(d *Destination) *map[string]Secret { return &d.Headers },
			"Headers that are sent with every message."),
		key("concurrency", integer(1, maxDestinationConcurrency), func(d *Destination) *int { return &d.Concurrency },
			"How many messages are sent to it at the same time.").withDefault("4"),
		key("rate", rateSchema(), func(d *Destination) *workflow.Rate { return &d.Rate },
			"How many attempts are made at most: `50/s`, `10/m`, `100/h`. Default: any number."),
		key("ordered", orderedSchema(), func(d *Destination) *Definition { return &d.Ordered },
			"Messages of one key go one at a time, in their order: a template over `type`, `data` and `payload`, or `{ \"key\": …, \"blockFor\": \"1h\" }`."),
		key("timeout", duration(), func(d *Destination) *time.Duration { return &d.Timeout },
			"How long an attempt may take, from 1 second to 1 minute.").withDefault(`"20s"`),
	).with(func(v value, d *Destination) {
		d.Pos, d.node = v.node.Pos, v.node
		maps.DeleteFunc(d.Headers, func(name string, _ Secret) bool { return !headerName.pattern.MatchString(name) }) // faults already
		if url := v.node.Get("url"); url != nil {
			d.Shown = url.Text
		}
		for one, all := range map[string]string{"secret": "secrets", "key": "keys"} {
			if second := v.node.member(all); second != nil && v.node.Get(one) != nil {
				v.add(second.KeyPos, "put all of them into "+all, "%sboth %s and %s are given", v.prefix(), one, all)
			}
		}
		if v.node.Kind == Object && len(d.Secrets)+len(d.Keys) == 0 && v.node.Get("secret") == nil && v.node.Get("key") == nil {
			v.fault(`give "secret": "{{env.…}}"; openssl rand -base64 32 makes one, behind whsec_`, "neither secret nor key is given: a message that is not signed could be anybody's")
		}
		if n := v.node.Get("timeout"); n != nil && d.Timeout != 0 && (d.Timeout < minDestinationTimeout || d.Timeout > maxDestinationTimeout) {
			v.at("timeout", n).fault("", "must be from %s to %s", minDestinationTimeout, maxDestinationTimeout)
		}
	})
	return uniqueBy(list(destination), "name")
}

// oneSecret declares a secret that is the only one of a list.
func oneSecret() schema[[]Secret] {
	s := secretText(anyText)
	return schema[[]Secret]{
		description: s.description,
		decode: func(v value, into *[]Secret) {
			var secret Secret
			if s.decode(v, &secret); !secret.IsZero() {
				*into = []Secret{secret}
			}
		},
	}
}

// headerName is the name of a header that may be sent.
var headerName = namePattern{
	what:    "a header",
	pattern: regexp.MustCompile(`^[!#$%&'*+.^_|~0-9A-Za-z-]{1,128}$`),
	hint:    "letters, digits and hyphens, as in X-Api-Key",
}

// destinationURLSchema declares a URL that is a secret where it holds placeholders.
func destinationURLSchema() schema[Secret] {
	s := expandedText("URL", func(s string) (problem, hint string) {
		if u, err := url.Parse(s); err != nil || u.Scheme == "" || u.Host == "" {
			return "not a URL", `as in "https://example.com/webhooks"`
		}
		return "", ""
	})
	return schema[Secret]{
		description: s.description,
		decode: func(v value, into *Secret) {
			var written string
			s.decode(v, &written)
			*into = NewSecret(written)
		},
	}
}
