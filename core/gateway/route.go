package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// route is a path with its endpoints.
type route struct {
	path string // as in its endpoints
	// parts are the segments of the path, empty where an argument stands. rest: its last
	// argument is all that is left of a path.
	parts []string
	rest  bool
	// arguments has, for each segment of the path, the name of the argument that
	// it is, or an empty text.
	arguments []string
	// operations are the endpoints by method; that of the empty method is the
	// only one.
	operations map[string]*operation
	// All endpoints of a path agree in these two.
	public, exemptFromOverload bool
}

// operation is an endpoint with what it needs, ready for use.
type operation struct {
	endpoint
	needs []requirement // of which one is to be met; none on public endpoints
}

// newRoute makes a route without endpoints of a path.
func newRoute(path string) *route {
	rt := &route{path: path, operations: map[string]*operation{}}
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		name, ok := argumentOf(part)
		if ok {
			rt.rest, part = strings.HasSuffix(part, "...}"), ""
		} else {
			name = ""
		}
		rt.parts, rt.arguments = append(rt.parts, part), append(rt.arguments, name)
	}
	return rt
}

// matches reports whether the path of a request is that of the route. It compares what
// the client meant: what was escaped without need is as if it had not been, and
// no segment holds a slash: see withoutSlashes. mux's own templates are
// regular expressions, which took a fifth of the time of a call.
func (rt *route) matches(r *http.Request, _ *mux.RouteMatch) bool { return rt.fits(r.URL.Path) }

func (rt *route) fits(path string) bool {
	path, more := strings.CutPrefix(path, "/")
	for i, part := range rt.parts {
		if !more {
			return false
		}
		if rt.rest && i == len(rt.parts)-1 {
			return true
		}
		var segment string
		if segment, path, more = strings.Cut(path, "/"); segment == "" || part != "" && segment != part {
			return false
		}
	}
	return !more
}

// add adds an endpoint of the route's path. One that is neither public nor has a
// scope is an error, as is one that contradicts itself.
func (rt *route) add(e endpoint) error {
	op := &operation{endpoint: e}
	switch {
	case e.handler == nil:
		return errors.New("no handler")
	case e.doc == "":
		return errors.New("no documentation")
	case e.public && (e.scope != "" || e.find != nil):
		return errors.New("it is public and needs a scope")
	case !e.public && e.scope == "":
		return errors.New("it has no scope and is not public")
	}
	if !e.public {
		arguments := slices.Clone(rt.arguments)
		if e.find != nil {
			arguments = append(arguments, "action")
		}
		var err error
		if op.needs, err = parseRequirements(e.scope, arguments); err != nil {
			return err
		}
	}
	if len(rt.operations) == 0 {
		rt.public, rt.exemptFromOverload = e.public, e.exemptFromOverload
	}
	_, all := rt.operations[""]
	_, twice := rt.operations[e.method]
	switch {
	case twice || all || e.method == "" && len(rt.operations) > 0:
		return errors.New("its path and method are used twice")
	case e.public != rt.public || e.exemptFromOverload != rt.exemptFromOverload:
		return errors.New("endpoints of one path are public and exempt from overload all or none")
	}
	rt.operations[e.method] = op
	return nil
}

// operation returns what a method leads to. HEAD is GET without a body, which
// net/http leaves out by itself (RFC 9110 section 9.3.2).
func (rt *route) operation(method string) (*operation, error) {
	if op, ok := rt.operations[""]; ok {
		return op, nil
	}
	if op, ok := rt.operations[method]; ok {
		return op, nil
	}
	if op, ok := rt.operations[http.MethodGet]; ok && method == http.MethodHead {
		return op, nil
	}
	return nil, methodNotAllowed(method, slices.Collect(maps.Keys(rt.operations)))
}

// methodNotAllowed is a 405 with the Allow that RFC 9110 section 15.5.6 asks
// for.
func methodNotAllowed(method string, allow []string) error {
	if slices.Contains(allow, http.MethodGet) && !slices.Contains(allow, http.MethodHead) {
		allow = append(slices.Clone(allow), http.MethodHead)
	}
	slices.Sort(allow)
	list := strings.Join(allow, ", ")
	return &apiError{
		code:   codeMethodNotAllowed,
		detail: fmt.Sprintf("%s is not possible here, but %s", headerSafe(method), list),
		header: map[string]string{"Allow": list},
	}
}
