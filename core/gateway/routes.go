package gateway

import (
	"net/netip"
	"time"

	"github.com/backflow/backflow/core/action"
)

// Actions are the integrations that can be called. *action.Registry is one.
type Actions interface {
	// Integrations lists them in the order in which users see them.
	Integrations() []action.Integration
	// Find returns an action by name. Its errors are *sdk.Error.
	Find(integration, name string) (*action.Action, error)
	// Match returns the action bound to a method and path below an integration,
	// with what stands in the path; a nil action and the methods to allow where
	// the path is bound to others. Its errors are *sdk.Error.
	Match(integration, method string, segments []string) (a *action.Action, bound *action.Bound, allow []string, err error)
	// SandboxCommand returns a command to the sandbox of an integration as an action.
	// Its errors are *sdk.Error.
	SandboxCommand(integration, command string) (*action.Action, error)
}

var _ Actions = (*action.Registry)(nil)

// Defaults of Routes.
const (
	DefaultMaxBodyBytes   = 1 << 20
	DefaultRequestTimeout = 30 * time.Second
)

// Routes is what the config decides about requests: integrations, webhooks,
// tokens and bounds. It is not changed once it is handed over.
type Routes struct {
	Actions  Actions
	Webhooks []Webhook
	// Tokens are accepted; without any, only public endpoints can be used.
	Tokens []Token
	// MaxBodyBytes bounds the body of every request but webhooks; 0 is
	// DefaultMaxBodyBytes.
	MaxBodyBytes int
	// RequestTimeout bounds a call of an action with its repeats; 0 is
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// TrustedProxies are the addresses whose X-Forwarded-For is believed, for
	// the client's address in logs.
	TrustedProxies []netip.Prefix
	// PublicURL is how senders of webhooks reach the gateway, without a
	// trailing slash; empty where that is not known for certain.
	PublicURL string
}
