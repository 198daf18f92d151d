package config

import "encoding/json"

// Config is a config file, read and checked. Paths in it are absolute. It is
// not changed after Load and may be read from many goroutines.
type Config struct {
	// Path is the config file as it was named, BaseDir its absolute directory.
	Path, BaseDir string
	// Files are all files that were read, absolute, the config first: what a
	// reload has to watch.
	Files []string
	// Patterns are those of the globs in the config, absolute: another file that one
	// of them matches belongs to the config as well. See Glob.
	Patterns []string

	// Schema is the "$schema" of the file; it means nothing to the gateway.
	Schema string
	Server Server
	Auth   Auth
	// Credentials are by the name of the integration.
	Credentials map[string]Credential
	PluginDirs  []string
	Plugins     []Plugin
	// RequirePinned refuses plugins without a checksum.
	RequirePinned bool
	State         State
	// Workflows are in the order of the config; files of a glob by name.
	Workflows []Definition
	Webhooks  []Webhook
	Schedules []Schedule
	// Destinations are in the order of the config.
	Destinations []Destination
	Egress       Egress
	// CustomIntegrations are in the order of the config.
	CustomIntegrations []CustomIntegration

	root    *Node
	secrets []Secret
}

// At returns where the value is written in the config file that a JSON Pointer
// names, or its nearest ancestor.
func (c *Config) At(pointer string) Pos { return c.root.At(pointer) }

// SecretValues returns every secret that was read, for redaction: what each
// placeholder stands for, and the fields that are secrets by themselves. Fields
// of credentials that are written out in the config are known as secrets to
// their integration alone.
func (c *Config) SecretValues() []string { return reveal(c.secrets) }

// declaration is the one place that says what a config may hold.
func declaration() schema[Config] {
	return object(
		key("$schema", text("string", anyText), func(c *Config) *string { return &c.Schema },
			"The JSON Schema that an editor checks the file against. The gateway ignores it."),
		key("server", serverSchema(), func(c *Config) *Server { return &c.Server },
			"How the gateway listens.").withDefault("{}"),
		key("auth", authSchema(), func(c *Config) *Auth { return &c.Auth },
			"Who may use the gateway. Without it nobody may."),
		key("credentials", dict(integrationName, credentialSchema()), func(c *Config) *map[string]Credential { return &c.Credentials },
			"What each integration is told, by the name of the integration. The integration says which keys it knows.").withDefault("{}"),
		key("pluginDirs", list(directorySchema()), func(c *Config) *[]string { return &c.PluginDirs },
			"Directories in which plugins are found: every file `backflow-plugin-NAME` or `NAME.wasm` is the integration NAME. Without any: `plugins` beside the program."),
		key("plugins", pluginsSchema(), func(c *Config) *[]Plugin { return &c.Plugins },
			"How single plugins are run. A plugin that a directory of `pluginDirs` holds needs no entry."),
		key("requirePinned", boolean(), func(c *Config) *bool { return &c.RequirePinned },
			"Starts no plugin whose entry has no `sha256`. Otherwise there is one warning for each.").withDefault("false"),
		key("state", stateSchema(), func(c *Config) *State { return &c.State },
			"Where runs, events and idempotency records are kept.").withDefault("{}"),
		key("workflows", workflowsSchema(), func(c *Config) *[]Definition { return &c.Workflows },
			"Workflows: definitions, and globs of files that hold one definition or an array of them."),
		key("webhooks", webhooksSchema(), func(c *Config) *[]Webhook { return &c.Webhooks },
			"Receivers of events."),
		key("customIntegrations", customIntegrationsSchema(), func(c *Config) *[]CustomIntegration { return &c.CustomIntegrations },
			"REST APIs that become integrations."),
		key("schedules", schedulesSchema(), func(c *Config) *[]Schedule { return &c.Schedules },
			"Workflows that are started at times of the clock."),
		key("destinations", destinationsSchema(), func(c *Config) *[]Destination { return &c.Destinations },
			"Receivers of messages that are sent, by `webhook.send` and `webhook.publish`."),
		key("egress", egressSchema(), func(c *Config) *Egress { return &c.Egress },
			"Where requests may go whose address the operator did not choose alone. Public addresses are allowed.").withDefault("{}"),
		unsupported[Config]("routes"),
		unsupported[Config]("rateLimit"),
		unsupported[Config]("include"),
	)
}

// Schema returns the JSON Schema (2020-12) of a config file. It says what can
// be said without reading other files: which keys there are, and their types.
func Schema() []byte {
	root := declaration().description
	schema := root.asJSONSchema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Backflow config"
	// Maps of strings, numbers and maps cannot fail to encode.
	out, _ := json.MarshalIndent(schema, "", "  ")
	return append(out, '\n')
}
