package config

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/backflow/backflow/core/egress"
)

// Plugin says how one plugin is run. A plugin that pluginDirs holds needs none.
type Plugin struct {
	Pos  Pos
	Name string
	// Path is the plugin's file; "" is the one that pluginDirs has by the name.
	Path string
	// SHA256 is the lower-case hex sum that the file must have; "" is any.
	SHA256 string
	// Env is the whole environment of the plugin's process.
	Env map[string]Secret
	// Timeout bounds a call and MaxConcurrency the calls at the same time; zero
	// is the host's default.
	Timeout        time.Duration
	MaxConcurrency int
	// MemoryLimitMiB bounds a process, or each guest of a WASM plugin; zero is the
	// host's default.
	MemoryLimitMiB int
	// What follows is for WASM plugins alone; zero is the host's default.
	AllowedHosts []egress.Host
	Deadline     string // "hard" or "soft"
	Instances    int
}

func pluginsSchema() schema[[]Plugin] {
	plugin := object(
		key("name", text("name", integrationName.check), func(p *Plugin) *string { return &p.Name },
			"Name of the integration.").required(),
		key("path", pluginFileSchema(), func(p *Plugin) *string { return &p.Path },
			"File of the plugin; what ends in `.wasm` is run as WASM. Without it: `backflow-plugin-NAME` or `NAME.wasm` in one of `pluginDirs`."),
		key("sha256", text("hex digits", checkHexSum).with(func(_ value, s *string) { *s = strings.ToLower(*s) }),
			func(p *Plugin) *string { return &p.SHA256 },
			"SHA-256 that the file must have; it is checked before every start."),
		key("env", dict(variableName, secretText(anyText)), func(p *Plugin) *map[string]Secret { return &p.Env },
			"The whole environment of the plugin's process; it inherits nothing. A WASM plugin has none."),
		key("timeout", duration(), func(p *Plugin) *time.Duration { return &p.Timeout },
			"How long a call may take, at most. Default: 2 minutes."),
		key("maxConcurrency", integer(1, 10000), func(p *Plugin) *int { return &p.MaxConcurrency },
			"How many calls the plugin is given at the same time. Default: 64."),
		key("allowedHosts", list(egressHostSchema()), func(p *Plugin) *[]egress.Host { return &p.AllowedHosts },
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

func directorySchema() schema[string] {
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

func pluginFileSchema() schema[string] {
	return directorySchema().with(func(v value, s *string) {
		switch {
		case *s == "":
		case !v.options.exists(*s):
			v.fault("the path is relative to the file that names it", "there is no file %s", clip(v.node.Text))
		}
	})
}

func checkHexSum(s string) (problem, hint string) {
	if sum, err := hex.DecodeString(s); err != nil || len(sum) != 32 {
		return "not a SHA-256 sum: 64 hex digits", "`sha256sum FILE` prints it"
	}
	return "", ""
}

var variableName = namePattern{
	what:    "an environment variable",
	pattern: envName,
	hint:    "letters, digits and _, not starting with a digit",
}

// egressHostSchema declares one place that requests may go to.
func egressHostSchema() schema[egress.Host] {
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
			*into, _ = egress.ParseHost(written) // the check has reported a fault
		},
	}
}
