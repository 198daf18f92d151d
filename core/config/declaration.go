package config

import (
	"net/netip"
	neturl "net/url"
	"strings"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/egress"
)

// declaration is the one place that says what a config may hold.
func declaration() schema[Config] {
	return object(append([]field[Config]{
		key("$schema", text("string", anything), func(c *Config) *string { return &c.Schema },
			"The JSON Schema that an editor checks the file against. The gateway ignores it."),
		key("server", server(), func(c *Config) *Server { return &c.Server },
			"How the gateway listens.").withDefault("{}"),
		key("auth", auth(), func(c *Config) *Auth { return &c.Auth },
			"Who may use the gateway. Without it nobody may."),
		key("credentials", dict(integrationName, credential()), func(c *Config) *map[string]Credential { return &c.Credentials },
			"What each integration is told, by the name of the integration. The integration says which keys it knows.").withDefault("{}"),
		key("pluginDirs", list(directory()), func(c *Config) *[]string { return &c.PluginDirs },
			"Directories in which plugins are found: every file `backflow-plugin-NAME` or `NAME.wasm` is the integration NAME. Without any: `plugins` beside the program."),
		key("plugins", plugins(), func(c *Config) *[]Plugin { return &c.Plugins },
			"How single plugins are run. A plugin that a directory of `pluginDirs` holds needs no entry."),
		key("requirePinned", boolean(), func(c *Config) *bool { return &c.RequirePinned },
			"Starts no plugin whose entry has no `sha256`. Otherwise there is one warning for each.").withDefault("false"),
		key("state", state(), func(c *Config) *State { return &c.State },
			"Where runs, events and idempotency records are kept.").withDefault("{}"),
		key("workflows", workflows(), func(c *Config) *[]Definition { return &c.Workflows },
			"Workflows: definitions, and globs of files that hold one definition or an array of them."),
		key("webhooks", webhooks(), func(c *Config) *[]Webhook { return &c.Webhooks },
			"Receivers of events."),
		key("customIntegrations", customIntegrations(), func(c *Config) *[]CustomIntegration { return &c.CustomIntegrations },
			"REST APIs that become integrations."),
		key("schedules", schedules(), func(c *Config) *[]Schedule { return &c.Schedules },
			"Workflows that are started at times of the clock."),
	}, unsupported[Config]("routes", "rateLimit", "egress", "include")...)...)
}

func server() schema[Server] {
	return object(
		key("listen", expanded("address", listenAddress), func(s *Server) *string { return &s.Listen },
			"Address to listen on, `host:port`. Without a host: every address of the machine. Port 0: any free port. `backflow dev` listens on 127.0.0.1, at the port given here.").withDefault(`":3000"`),
		key("maxBodyBytes", integer[int64](1, 1<<30), func(s *Server) *int64 { return &s.MaxBodyBytes },
			"Largest body of a request, in bytes; a larger one is answered 413.").withDefault("1048576"),
		key("requestTimeout", duration(), func(s *Server) *time.Duration { return &s.RequestTimeout },
			"How long a request may take. It does not apply to `?wait`.").withDefault(`"30s"`),
		key("trustedProxies", list(prefix()), func(s *Server) *[]netip.Prefix { return &s.TrustedProxies },
			"Addresses or ranges of proxies whose `X-Forwarded-For` is believed.").withDefault("[]"),
		key("publicUrl", expanded("URL", publicURL).with(func(_ value, s *string) { *s = strings.TrimRight(*s, "/") }),
			func(s *Server) *string { return &s.PublicURL },
			"The address by which the outside knows the gateway.").withDefault(`""`),
	)
}

func auth() schema[Auth] {
	return object(append([]field[Auth]{
		key("tokens", uniqueBy(uniqueBy(list(token()), "name"), "hash"), func(a *Auth) *[]Token { return &a.Tokens },
			"API tokens. `backflow token new` makes one."),
	}, unsupported[Auth]("jwt")...)...)
}

func token() schema[Token] {
	return object(
		key("name", text("name", simpleName("a token").check), func(t *Token) *string { return &t.Name },
			"Name of the token, unique; logs and idempotency records know the caller by it.").required(),
		key("hash", parsed(expanded, "hash", access.ParseHash), func(t *Token) *access.Hash { return &t.Hash },
			"`sha256:` and the hex SHA-256 of the token.").required(),
		key("scopes", list(parsed(text, "scope", access.ParseScope)), func(t *Token) *[]access.Scope { return &t.Scopes },
			"What the token may do: `integrations:NAME:ACTION`, `workflows:ID:run`, `workflows:ID:read`, `runs:read`, `runs:write`, `events:read`, `events:write`, `metrics:read`, `admin`; `*` stands for any part, as the last one for the rest.").required(),
	).with(func(v value, t *Token) { t.Pos = v.node.Pos })
}

func directory() schema[string] {
	return text("path", func(s string) (problem, hint string) {
		if s == "" {
			return "the path is empty", ""
		}
		return "", ""
	}).with(func(v value, s *string) {
		if *s != "" {
			*s = v.resolve(*s)
		}
	})
}

func plugins() schema[[]Plugin] {
	plugin := object(
		key("name", text("name", integrationName.check), func(p *Plugin) *string { return &p.Name },
			"Name of the integration.").required(),
		key("path", pluginFile(), func(p *Plugin) *string { return &p.Path },
			"File of the plugin; what ends in `.wasm` is run as WASM. Without it: `backflow-plugin-NAME` or `NAME.wasm` in one of `pluginDirs`."),
		key("sha256", text("hex digits", hexSum).with(func(_ value, s *string) { *s = strings.ToLower(*s) }),
			func(p *Plugin) *string { return &p.SHA256 },
			"SHA-256 that the file must have; it is checked before every start."),
		key("env", dict(variableName, secretText(anything)), func(p *Plugin) *map[string]Secret { return &p.Env },
			"The whole environment of the plugin's process; it inherits nothing. A WASM plugin has none."),
		key("timeout", duration(), func(p *Plugin) *time.Duration { return &p.Timeout },
			"How long a call may take, at most. Default: 2 minutes."),
		key("maxConcurrency", integer(1, 10000), func(p *Plugin) *int { return &p.MaxConcurrency },
			"How many calls the plugin is given at the same time. Default: 64."),
		key("allowedHosts", list(egressHost()), func(p *Plugin) *[]egress.Host { return &p.AllowedHosts },
			"All that the HTTP requests of a WASM plugin may go to: `api.acme.com` or `api.acme.com:8443` by HTTPS, `http://10.0.0.7:8080` without. Default: nothing."),
		key("memoryLimitMiB", integer(1, 4096), func(p *Plugin) *int { return &p.MemoryLimitMiB },
			"Memory that each guest of a WASM plugin may have (default: 64), or that the process of another may hold, which is killed and started again when it holds more (default: no limit)."),
		key("deadline", oneOf("", "hard", "soft"), func(p *Plugin) *string { return &p.Deadline },
			"What happens to a guest of a WASM plugin that overruns its time: `hard` interrupts it; `soft`, for trusted plugins whose code must be fast, lets it go on. Default: `hard`."),
		key("instances", integer(1, 1000), func(p *Plugin) *int { return &p.Instances },
			"How many guests a WASM plugin has at most; each takes one call at a time. Default: twice the cores, at least 8."),
	)
	return uniqueBy(list(plugin.with(func(v value, p *Plugin) { p.Pos = v.node.Pos })), "name")
}

// egressHost declares one place that requests may go to.
func egressHost() schema[egress.Host] {
	s := text("host", func(s string) (problem, hint string) {
		if _, err := egress.ParseHost(s); err != nil {
			return err.Error(), ""
		}
		return "", ""
	})
	return schema[egress.Host]{
		description: s.description,
		decode: func(v value, into *egress.Host) {
			var written string
			s.decode(v, &written)
			*into, _ = egress.ParseHost(written) // the check has told of a fault
		},
	}
}

func pluginFile() schema[string] {
	return directory().with(func(v value, s *string) {
		switch {
		case *s == "":
		case !v.options.exists(*s):
			v.fault("the path is relative to the file that names it", "there is no file %s", clip(v.node.Text))
		}
	})
}

func state() schema[State] {
	return object(
		key("url", secretText(stateURL), func(s *State) *Secret { return &s.URL },
			"`sqlite://PATH`, relative to the config or absolute (`sqlite:///var/…`), or `redis://…`, `rediss://…`, `redis+sentinel://…`, `rediss+sentinel://…`. Default: `sqlite://data/state.db`; in `backflow dev` a file under `.backflow/`."),
		key("allowVolatile", boolean(), func(s *State) *bool { return &s.AllowVolatile },
			"Accepts a Redis that may lose accepted work: without persistence, or one that evicts keys.").withDefault("false"),
		key("durability", oneOf("", "always", "everysec"), func(s *State) *string { return &s.Durability },
			"How Redis syncs its log, `always` or `everysec`, where the gateway cannot ask it.").withDefault(`""`),
		key("retention", retention(), func(s *State) *Retention { return &s.Retention },
			"How long runs are kept after their end, with all that is known of them.").withDefault("{}"),
		key("minReplicas", integer(0, 100), func(s *State) *int { return &s.MinReplicas },
			"How many replicas of Redis must have a write before it counts as done. A failover to one of them then loses nothing that was accepted.").withDefault("0"),
	).with(func(v value, s *State) {
		s.Pos = v.node.Pos
		if n := v.node.Get("minReplicas"); n != nil && s.MinReplicas > 0 && (s.URL.IsZero() || strings.HasPrefix(s.URL.Reveal(), "sqlite:")) {
			v.at("minReplicas", n).fault("leave it out", "an SQLite file has no replicas")
		}
		if s.URL.IsZero() {
			return
		}
		url := v.at("url", v.node.Get("url"))
		if !strings.HasPrefix(s.URL.Reveal(), "sqlite:") {
			s.Backend = "redis"
			// The check has parsed the URL; a log may hold its password alone.
			if u, err := neturl.Parse(s.URL.Reveal()); err == nil {
				password, _ := u.User.Password()
				v.remember(password)
				v.remember(u.Query().Get("sentinelPassword"))
			}
			return
		}
		s.Backend = "sqlite"
		// The check of the URL has found a path in it.
		s.Path, _ = resolveSQLite(s.URL.Reveal(), url.baseDir())
	})
}

func retention() schema[Retention] {
	return object(
		key("succeeded", duration(), func(r *Retention) *time.Duration { return &r.Succeeded },
			"How long a run that succeeded is kept.").withDefault(`"168h"`),
		key("failed", duration(), func(r *Retention) *time.Duration { return &r.Failed },
			"How long a run that failed or was cancelled is kept.").withDefault(`"720h"`),
		key("maxRuns", integer(0, 1_000_000_000), func(r *Retention) *int { return &r.MaxRuns },
			"How many ended runs are kept at most, whatever their age; those that ended first go first. 0: any number.").withDefault("0"),
	)
}

func webhooks() schema[[]Webhook] {
	webhook := object(append([]field[Webhook]{
		key("name", text("name", simpleName("a webhook").check), func(w *Webhook) *string { return &w.Name },
			"Name of the webhook, unique.").required(),
		key("path", text("path", webhookPath), func(w *Webhook) *string { return &w.Path },
			"Path at which events are received, by POST; unique, and none of the gateway's own.").required(),
		key("provider", text("name", provider), func(w *Webhook) *string { return &w.Provider },
			"The integration that verifies the events, such as `stripe`.").required(),
		key("secret", webhookSecret(), func(w *Webhook) *WebhookSecrets { return &w.Secrets },
			"Secret that the events are signed with. Without it and without `secrets`: the one in the integration's credentials."),
		key("secrets", webhookSecrets(), func(w *Webhook) *WebhookSecrets { return &w.Secrets },
			"Several secrets at once, the new one first, while the sender changes over."),
		key("actions", actions(), func(w *Webhook) *Definition { return &w.Actions },
			"The steps that an event runs, as in a workflow, over `payload`."),
	}, unsupported[Webhook]("custom")...)...).with(func(v value, w *Webhook) {
		w.Pos = v.node.Pos
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

// webhookSecret declares one secret that may be unset in dev.
func webhookSecret() schema[WebhookSecrets] {
	s := secretText(anything)
	return schema[WebhookSecrets]{
		description: s.description,
		decode: func(v value, into *WebhookSecrets) {
			if !v.is(String, "a string") {
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

func webhookSecrets() schema[WebhookSecrets] {
	of := webhookSecret()
	return schema[WebhookSecrets]{
		description: description{typ: "array", items: &of.description},
		decode: func(v value, into *WebhookSecrets) {
			if !v.is(Array, "an array") {
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
