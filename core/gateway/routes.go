package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/webhook"
)

// Actions are the integrations that can be called. *action.Registry is one.
type Actions interface {
	// Integrations lists them in the order in which users see them.
	Integrations() []action.Integration
	// Find returns an action by name. Its errors are *sdk.Error.
	Find(integration, name string) (*action.Action, error)
	// Match returns the action bound to a method and path below an integration,
	// with the params in the path; a nil action and the methods to allow where
	// the path is bound to others. Its errors are *sdk.Error.
	Match(integration, method string, segments []string) (a *action.Action, path map[string]string, allow []string, err error)
}

// Webhook receives the events of one sender. *webhook.Receiver is one.
type Webhook interface {
	// Path is where the sender sends to, such as "/webhooks/stripe".
	Path() string
	// MaxBodyBytes is the size of the largest body that is received.
	MaxBodyBytes() int
	// Receive verifies a request and stores its event.
	Receive(ctx context.Context, headers http.Header, body []byte, url string) (webhook.Receipt, error)
}

var (
	_ Actions = (*action.Registry)(nil)
	_ Webhook = (*webhook.Receiver)(nil)
)

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
	// trailing slash; empty takes scheme and host from the request.
	PublicURL string
}

// table is Routes made ready for use. It is immutable.
type table struct {
	Routes
	auth   *authenticator
	router *mux.Router
	routes map[*mux.Route]*route
}

func newTable(routes Routes, mounts []Mount) (*table, error) {
	if routes.MaxBodyBytes == 0 {
		routes.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if routes.RequestTimeout == 0 {
		routes.RequestTimeout = DefaultRequestTimeout
	}
	auth, err := newAuthenticator(routes.Tokens)
	if err != nil {
		return nil, err
	}
	t := &table{Routes: routes, auth: auth, router: mux.NewRouter(), routes: map[*mux.Route]*route{}}
	// Without these two, mux redirects a path that is not clean, and matches an
	// escaped slash as a separator.
	t.router.SkipClean(true).UseEncodedPath()
	rows := endpoints()
	for _, m := range mounts {
		mounted, err := m.endpoints()
		if err != nil {
			return nil, err
		}
		rows = append(rows, mounted...)
	}
	for _, hook := range routes.Webhooks {
		if err := CheckWebhookPath(hook.Path()); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
		rows = append(rows, webhookEndpoint(hook))
	}
	if err := t.add(rows); err != nil {
		return nil, err
	}
	return t, nil
}

// add makes routes of rows. They are tried in the order in which their paths
// come first.
func (t *table) add(rows []endpoint) error {
	byPath := map[string]*route{}
	for _, e := range rows {
		rt := byPath[e.path]
		if rt == nil {
			rt = newRoute(e.path)
			byPath[e.path] = rt
			t.routes[t.router.Path(strings.Replace(e.path, "...}", ":.*}", 1))] = rt
		}
		if err := rt.add(e); err != nil {
			return fmt.Errorf("%s %s: %w", e.method, e.path, err)
		}
	}
	return nil
}

// reserved are the first segments of paths that belong to the gateway, also of
// those that it does not have yet: a webhook there would stop working one day.
var reserved = [...]string{
	"integrations", "workflows", "runs", "events", "healthz", "readyz", "metrics", "openapi.json", "docs", "dashboard", "mcp",
}

// pathSegment is what needs no escape in a path (RFC 3986 section 2.3).
var pathSegment = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// CheckWebhookPath says what is wrong with the path of a webhook: it is to be
// an absolute path of plain segments that belongs to nothing else.
func CheckWebhookPath(path string) error {
	if path == "" || path[0] != '/' {
		return fmt.Errorf("path %q must start with a slash", path)
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !pathSegment.MatchString(segment) || segment == "." || segment == ".." {
			return fmt.Errorf("path %q: each segment is made of letters, digits, '-', '_', '.' and '~'", path)
		}
	}
	first, _, _ := strings.Cut(path[1:], "/")
	if slices.Contains(reserved[:], first) {
		return fmt.Errorf("path %q: /%s belongs to the gateway itself", path, first)
	}
	return nil
}

// match returns the route of a request's path, nil where there is none.
func (t *table) match(r *http.Request) *route {
	var found mux.RouteMatch
	if !t.router.Match(r, &found) {
		return nil
	}
	return t.routes[found.Route]
}
