package sdk

import (
	"context"
	"encoding/json"
)

// Plugin is an integration: a set of actions. Its methods other than Configure
// are called from many goroutines at once.
type Plugin interface {
	// Manifest returns what the plugin is, the same each time. It needs no
	// configuration and does no I/O.
	Manifest() Manifest
	// Configure hands over what the config gives to this plugin. It is called
	// once, after Manifest and before the first Execute; the context bounds
	// this call only. A plugin checks its configuration here and connects
	// lazily, so that a vendor's outage is not a failed start.
	Configure(ctx context.Context, config Config) error
	// Execute runs one action. The context carries the deadline of the call
	// and is cancelled when the caller gives up. Params have been checked
	// against the action's schema. A plugin never repeats a failed call: it
	// returns an *Error that says what is known of the outcome.
	Execute(ctx context.Context, call Call) (Result, error)
}

// Config is all that a plugin knows of the gateway: its environment is empty.
type Config struct {
	// Credentials is the plugin's entry under "credentials", valid under the
	// manifest's schema, or "{}" where the config has none.
	Credentials json.RawMessage
	// Sandbox asks the plugin to stand in for its vendor, on this machine only:
	// there are no real credentials. Set only if Manifest.Sandbox is true.
	Sandbox bool
	// Inspect asks the plugin to look only: it is asked for CheckUses and for nothing
	// else, and makes, migrates and changes nothing. Set only if Manifest.ChecksUses is
	// true.
	Inspect bool
	// BaseDir is the absolute directory to which relative paths in the
	// credentials are relative: that of the config file.
	BaseDir string
	// DataDir is the absolute directory where a plugin keeps files that the
	// config does not place elsewhere. It may not exist yet.
	DataDir string
	// Webhooks are where the sandbox sends its events: the webhooks of the config
	// that this plugin verifies. Empty unless Sandbox is set.
	Webhooks []WebhookTarget
}

// Call is one execution of an action.
type Call struct {
	// Action is the name of the action.
	Action string
	// Params is a JSON object; its numbers are as the caller wrote them.
	Params json.RawMessage
	// IdempotencyKey identifies the effect: the same key comes again with the
	// same params when an outcome was unknown. Visible ASCII, at most 255
	// bytes; empty for calls that are not repeated.
	IdempotencyKey string
	// RequestID joins logs of gateway and plugin.
	RequestID string
}

// Result is what an action returns.
type Result struct {
	// Body is JSON, or whatever ContentType says. It reaches the caller byte
	// for byte.
	Body []byte
	// ContentType is empty for application/json.
	ContentType string
}
