package gateway

import (
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/backflow/backflow/core/webhook"
)

// table is Routes made ready for use. It is immutable.
type table struct {
	Routes
	auth   *authenticator
	router *mux.Router
	routes map[*mux.Route]*route
	// replaced is closed when another table is in force.
	replaced chan struct{}
}

// newTable checks routes and makes a table of them. Its errors say which row is
// wrong.
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
	t := &table{Routes: routes, auth: auth, router: mux.NewRouter(), routes: map[*mux.Route]*route{}, replaced: make(chan struct{})}
	rows := endpoints()
	for _, m := range mounts {
		mounted, err := m.endpoints()
		if err != nil {
			return nil, err
		}
		rows = append(rows, mounted...)
	}
	for _, hook := range routes.Webhooks {
		if err := webhook.CheckPath(hook.Path(), OwnsPath); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
		rows = append(rows, webhookEndpoints(hook)...)
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
			t.routes[t.router.MatcherFunc(rt.matches)] = rt
		}
		if err := rt.add(e); err != nil {
			return fmt.Errorf("%s %s: %w", e.method, e.path, err)
		}
	}
	return nil
}

// match returns the route of a request whose path was checked, nil where none exists.
func (t *table) match(r *http.Request) *route {
	var found mux.RouteMatch
	if !t.router.Match(r, &found) {
		return nil
	}
	return t.routes[found.Route]
}
