package config

import (
	"net/netip"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/egress"
)

// Config is a config file, read and checked. Paths in it are absolute. It is
// not changed after Load and may be read from many goroutines.
type Config struct {
	// Path is the config file as it was named, BaseDir its absolute directory.
	Path, BaseDir string
	// Files are all files that were read, absolute, the config first: what a
	// reload has to watch.
	Files []string

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
	// CustomIntegrations are in the order of the config.
	CustomIntegrations []CustomIntegration

	root    *Node
	secrets []Secret
}

// At answers where the value is written in the config file that a JSON Pointer
// names, or its nearest ancestor.
func (c *Config) At(pointer string) Pos { return c.root.At(pointer) }

// SecretValues answers every secret that was read, for redaction: what each
// placeholder stands for, and the fields that are secrets by themselves. Fields
// of credentials that are written out in the config are known as secrets to
// their integration alone.
func (c *Config) SecretValues() []string { return reveal(c.secrets) }

// Server says how the gateway listens.
type Server struct {
	// Listen is host:port; an empty host is every address of the machine, port
	// 0 any free port.
	Listen string
	// MaxBodyBytes bounds the body of a request.
	MaxBodyBytes int64
	// RequestTimeout bounds a request; waits and streams are not bound by it.
	RequestTimeout time.Duration
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// PublicURL is the address that the outside knows the gateway by, without a
	// slash at its end; it may be empty.
	PublicURL string
}

// Auth says who may use the gateway. No tokens means that nobody may.
type Auth struct {
	Tokens []Token
}

// Token is an API token, known by its hash alone.
type Token struct {
	Pos  Pos
	Name string
	Hash access.Hash
	// Scopes say what the token may do.
	Scopes []access.Scope
}

// State says where runs, events and idempotency records are kept.
type State struct {
	Pos Pos
	// URL may hold a password. It is zero where the config names none: the
	// default is the command's.
	URL Secret
	// Backend is "sqlite", "redis", or "" where the config has no URL.
	Backend string
	// Path is the absolute path of the file for SQLite.
	Path string
	// AllowVolatile accepts a store that may lose accepted work.
	AllowVolatile bool
	// Durability declares how the store syncs ("always", "everysec") where that
	// cannot be asked; "" is not declared.
	Durability string
	// MinReplicas is how many replicas of Redis must have a write before it is
	// done.
	MinReplicas int
	Retention   Retention
}

// Retention says how long runs are kept after their end.
type Retention struct {
	Succeeded, Failed time.Duration
	// MaxRuns is the most ended runs that are kept; 0 is no bound.
	MaxRuns int
}

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

// Webhook is a receiver of events.
type Webhook struct {
	Pos  Pos
	Name string
	Path string
	// Provider is the integration that verifies the events.
	Provider string
	// Secrets of its own. Where none is given, the webhook uses the secret in the
	// credentials of its provider.
	Secrets WebhookSecrets
	// Actions are the steps that an event runs, an array; its ID is empty.
	Actions Definition
}

// WebhookSecrets are what a webhook's events are signed with.
type WebhookSecrets struct {
	// Given says that the config names secrets, whether or not they have values.
	Given bool
	// Values are tried in order. In dev there may be fewer than are given: what
	// needs variables that are not set is left out (see Options).
	Values []Secret
}

// Definition is a workflow's definition or a webhook's actions: JSON that is
// checked by who knows what it means, with the positions to report faults.
type Definition struct {
	// ID is the "id" of a workflow where that is a string, else "".
	ID string
	// Raw is compact standard JSON, the numbers as they were written.
	Raw []byte
	// Node is the tree that Raw was made of. Webhooks without actions have a
	// node at the webhook.
	Node *Node
}

// Fault answers a fault of the value that a JSON Pointer into Raw names, where
// it is written.
func (d Definition) Fault(pointer, message, hint string) Fault {
	return Fault{Pos: d.Node.At(pointer), Message: message, Hint: hint}
}
