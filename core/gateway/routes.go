package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
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
	// Find answers an action by name. Its errors are *sdk.Error.
	Find(integration, name string) (*action.Action, error)
	// Match answers the action bound to a method and path below an integration,
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

// Routes is what the config decides about requests: what there is, who may use
// it, and within which bounds. It is not changed once it is handed over.
type Routes struct {
	Actions  Actions
	Webhooks []Webhook
	// Tokens are let in; without any, nobody is.
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

// endpoint answers one kind of request. An error that it returns is told to
// the client; then it has written nothing.
type endpoint func(x *exchange, w http.ResponseWriter, r *http.Request) error

// route is what a path leads to.
type route struct {
	// methods has the endpoints by method; all is the one for every method.
	methods map[string]endpoint
	all     endpoint
	// public routes are open to everybody.
	public bool
	// vital routes are answered also under overload.
	vital bool
}

// endpoint answers what a method leads to. HEAD is GET without a body, which
// net/http leaves out by itself (RFC 9110 section 9.3.2).
func (rt *route) endpoint(method string) (endpoint, error) {
	if rt.all != nil {
		return rt.all, nil
	}
	wanted := method
	if method == http.MethodHead {
		wanted = http.MethodGet
	}
	if e, ok := rt.methods[wanted]; ok {
		return e, nil
	}
	return nil, methodNotAllowed(method, slices.Collect(maps.Keys(rt.methods)))
}

// methodNotAllowed is a 405 with the Allow that RFC 9110 section 15.5.6 asks
// for.
func methodNotAllowed(method string, allow []string) error {
	if slices.Contains(allow, http.MethodGet) && !slices.Contains(allow, http.MethodHead) {
		allow = append(slices.Clone(allow), http.MethodHead)
	}
	slices.Sort(allow)
	list := strings.Join(allow, ", ")
	return &refusal{
		code:   codeMethodNotAllowed,
		detail: fmt.Sprintf("%s is not possible here, but %s", headerSafe(method), list),
		header: map[string]string{"Allow": list},
	}
}

// table is Routes made ready for use. It is immutable.
type table struct {
	Routes
	auth   *authenticator
	router *mux.Router
	routes map[*mux.Route]*route
}

func newTable(routes Routes) (*table, error) {
	if routes.MaxBodyBytes == 0 {
		routes.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if routes.RequestTimeout == 0 {
		routes.RequestTimeout = DefaultRequestTimeout
	}
	auth, err := newAuthenticator(routes.Tokens)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	t := &table{Routes: routes, auth: auth, router: mux.NewRouter(), routes: map[*mux.Route]*route{}}
	// Without these two, mux answers a path that is not clean by a redirect,
	// and matches an escaped slash as a separator.
	t.router.SkipClean(true).UseEncodedPath()
	t.addFixed()
	for _, hook := range routes.Webhooks {
		if err := t.addWebhook(hook); err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
	}
	return t, nil
}

func (t *table) addFixed() {
	t.routes[t.router.Path("/healthz")] = &route{public: true, vital: true, methods: get((*exchange).health)}
	t.routes[t.router.Path("/readyz")] = &route{public: true, vital: true, methods: get((*exchange).ready)}
	t.routes[t.router.Path("/metrics")] = &route{vital: true, methods: get((*exchange).showMetrics)}
	t.routes[t.router.Path("/integrations")] = &route{methods: get((*exchange).listIntegrations)}
	t.routes[t.router.Path("/integrations/{integration}")] = &route{methods: get((*exchange).showIntegration)}
	t.routes[t.router.Path("/integrations/{integration}/actions/{action}")] = &route{methods: post((*exchange).callByName)}
	t.routes[t.router.PathPrefix("/integrations/{integration}/")] = &route{all: (*exchange).callByBinding}
	t.routes[t.router.Path("/workflows")] = &route{methods: get((*exchange).listWorkflows)}
	t.routes[t.router.Path("/workflows/{workflow}")] = &route{methods: get((*exchange).showWorkflow)}
	t.routes[t.router.Path("/workflows/{workflow}/runs")] = &route{methods: post((*exchange).startRun)}
	t.routes[t.router.Path("/runs")] = &route{methods: get((*exchange).listRuns)}
	t.routes[t.router.Path("/runs/{run}")] = &route{methods: get((*exchange).showRun)}
	t.routes[t.router.Path("/runs/{run}/stream")] = &route{methods: get((*exchange).streamRun)}
	t.routes[t.router.Path("/runs/{run}/cancel")] = &route{methods: post((*exchange).cancelRun)}
	t.routes[t.router.Path("/runs/{run}/retry")] = &route{methods: post((*exchange).retryRun)}
	t.routes[t.router.Path("/runs/{run}/signals/{signal}")] = &route{methods: post((*exchange).signalRun)}
}

func get(e endpoint) map[string]endpoint  { return map[string]endpoint{http.MethodGet: e} }
func post(e endpoint) map[string]endpoint { return map[string]endpoint{http.MethodPost: e} }

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

func (t *table) addWebhook(hook Webhook) error {
	path := hook.Path()
	if err := CheckWebhookPath(path); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	if t.match(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}}) != nil {
		return fmt.Errorf("webhook: path %q is used twice", path)
	}
	receive := func(x *exchange, w http.ResponseWriter, r *http.Request) error { return x.receive(hook, w, r) }
	t.routes[t.router.Path(path)] = &route{public: true, methods: post(receive)}
	return nil
}

// match answers what the request's path leads to, nil where it leads nowhere.
func (t *table) match(r *http.Request) *route {
	var found mux.RouteMatch
	if !t.router.Match(r, &found) {
		return nil
	}
	return t.routes[found.Route]
}
