package resource

import (
	"net/url"
	"strings"
)

// Request is a request as an operation sees it: authenticated, routed, and with
// params that Stripe's description allows, integers and booleans as such.
type Request struct {
	// ID is the Request-Id.
	ID string
	// Key is the idempotency key, empty where there is none.
	Key string
	// Path is the path as it was asked for, for "url" in lists.
	Path string
	// Params are those of query and body. It is the operation's own.
	Params Object
	// path are the params in the path.
	path map[string]string
	last string
}

// NewRequest makes a request. PathParams are those in the path by name; subject is the
// name of the last one.
func NewRequest(path, subject string, pathParams map[string]string, params Object) *Request {
	return &Request{Path: path, Params: params, path: pathParams, last: subject}
}

// Subject is the last id in the path.
func (r *Request) Subject() string { return r.path[r.last] }

// PathParam reads a param in the path by the name that the description has for it.
func (r *Request) PathParam(name string) string { return r.path[name] }

// Origin stands in the state for where the sandbox is served, which is another address
// after each start. Whatever leaves the sandbox has the address in its place.
const Origin = "http://stripe-sandbox.invalid"

// URL is the escaped path of an object below /v1, for "url" in lists.
func URL(parts ...string) string {
	path := "/v1"
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// Do does an operation as a part of another one, with the params that its path names.
// What it refuses undoes the whole, unless the caller lets it stand. An operation that
// no module has is refused.
func (t *Tx) Do(operation string, path map[string]string, params Object) (Object, *Refusal) {
	do, described := t.env.Module.Operations[operation], t.env.Mock.Operation(operation)
	if do == nil || described == nil {
		return nil, NotDone("", "do "+operation)
	}
	at := described.Path
	for name, value := range path {
		at = strings.Replace(at, "{"+name+"}", url.PathEscape(value), 1)
	}
	return do(t, NewRequest(at, described.Subject(), path, params))
}
