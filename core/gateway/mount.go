package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Mount is a handler with paths of its own, behind the same checks as every
// endpoint: it gets only requests whose caller has the scope.
type Mount struct {
	// Prefix is the only path of the handler; with a slash at its end it is that
	// path without the slash, and all below it. Its first segment is one that
	// belongs to the gateway, so that no webhook is there.
	Prefix string
	// Methods are those that the handler takes; none are GET. GET serves HEAD
	// too.
	Methods []string
	// Scope is what a caller needs, such as "metrics:read".
	Scope string
	// Public mounts need no token, and have no scope.
	Public bool
	// ExemptFromOverload mounts respond under overload too, and their successes
	// are logged at level debug alone.
	ExemptFromOverload bool
	// Header is set on every response of the handler, over the gateway's own.
	Header http.Header
	// Doc is one sentence on what the mount does.
	Doc     string
	Handler http.Handler
}

// Metrics mounts the handler of metrics. They show how the gateway and its vendors
// do, so they need a scope. They are there under overload too, when they are
// needed most.
func Metrics(handler http.Handler) Mount {
	return Mount{
		Prefix: "/metrics", Scope: "metrics:read", ExemptFromOverload: true,
		Doc: "Shows metrics for Prometheus.", Handler: handler,
	}
}

// endpoints are the rows of a mount.
func (m Mount) endpoints() ([]endpoint, error) {
	path, below := strings.CutSuffix(m.Prefix, "/")
	switch {
	case !strings.HasPrefix(path, "/") || !OwnsPath(path):
		return nil, fmt.Errorf("mount %q: the path does not belong to the gateway", m.Prefix)
	case m.Handler == nil:
		return nil, fmt.Errorf("mount %q: no handler", m.Prefix)
	}
	methods := m.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodGet}
	}
	paths := []string{path}
	if below {
		paths = append(paths, path+"/{path...}")
	}
	var rows []endpoint
	for _, path := range paths {
		for _, method := range methods {
			rows = append(rows, endpoint{
				method: method, path: path, scope: m.Scope, public: m.Public, exemptFromOverload: m.ExemptFromOverload,
				in:  input{anyQuery: true},
				out: []output{{status: http.StatusOK, contentType: anyContentType}}, doc: m.Doc, handler: m.serve,
			})
		}
	}
	return rows, nil
}

func (m Mount) serve(_ *requestContext, w http.ResponseWriter, r *http.Request) error {
	maps.Copy(w.Header(), m.Header)
	m.Handler.ServeHTTP(w, r)
	return nil
}
