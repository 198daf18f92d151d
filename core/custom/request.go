package custom

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/value"
)

// request is a compiled action.
type request struct {
	name    string // of integration and action, for messages
	method  string
	base    *url.URL
	auth    Auth
	path    *path
	query   *fields
	headers *fields
	body    *template.Template // nil: none
	// keyHeader is the header of the idempotency key, as headerKey spells it. It is
	// empty if the API takes none.
	keyHeader string
	timeout   time.Duration
	// fixed are the headers of every call, without those of auth. All requests share
	// their values and do not change them.
	fixed http.Header
	// target is the URL of every call, if neither path nor query holds a placeholder;
	// else nil.
	target *url.URL
}

// methods are those that an action may have, each with whether it writes.
var methods = map[string]bool{
	http.MethodGet: false, http.MethodHead: false,
	http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true, http.MethodDelete: true,
}

// compile checks an action and compiles its templates. It also returns what the
// integration publishes of the action. Pointers of the faults are into the action.
func compile(d Definition, base *url.URL, name string) (*request, sdk.ActionSpec, template.Faults) {
	a := d.Actions[name]
	r := &request{name: d.Name + "." + name, method: a.Method, base: base, auth: d.Auth, timeout: a.Timeout}
	if r.timeout <= 0 {
		r.timeout = DefaultTimeout
	}
	var faults template.Faults
	at := func(pointer string, found template.Faults) {
		for _, f := range found {
			f.Pointer = pointer + f.Pointer
			faults = append(faults, f)
		}
	}
	var found template.Faults
	r.path, found = compilePath(a.Path)
	at("/path", found)
	r.query, found = compileFields(a.Query, "/query")
	at("", found)
	r.headers, found = compileFields(a.Headers, "/headers")
	at("", found)
	if a.Body != nil {
		r.body, found = compileTemplate(a.Body, "/body")
		at("", found)
	}
	at("", r.checkHTTP(a))
	if len(faults) > 0 {
		return nil, sdk.ActionSpec{}, faults
	}
	uses, found := r.uses(a)
	at("", found)
	at("", r.precompute())
	published := sdk.ActionSpec{
		Name: name, Description: a.Method + " " + a.Path, Params: a.Params,
		Writes: methods[a.Method], Repeat: repeat(a), KeyLifetime: keyLifetime(a),
	}
	if published.Params == nil {
		published.Params = uses.schema()
	} else {
		at("", uses.check(a.Params))
	}
	return r, published, faults
}

// repeat says what a second call with the same key does.
func repeat(a Action) sdk.Repeat {
	switch {
	case !methods[a.Method]:
		return ""
	case a.Method == http.MethodPut || a.Method == http.MethodDelete: // RFC 9110, section 9.2.2
		return sdk.RepeatIdempotent
	case a.IdempotencyHeader != "":
		return sdk.RepeatNative
	default:
		return sdk.RepeatNone
	}
}

func keyLifetime(a Action) time.Duration {
	if repeat(a) == sdk.RepeatNative {
		return KeyLifetime
	}
	return 0
}

// checkHTTP checks what HTTP demands of a request, apart from its templates.
func (r *request) checkHTTP(a Action) template.Faults {
	var faults template.Faults
	fault := func(pointer, message, hint string) {
		faults = append(faults, template.Fault{Pointer: pointer, Message: message, Hint: hint})
	}
	writes, known := methods[a.Method]
	switch {
	case !known:
		fault("/method", fmt.Sprintf("there is no method %q", a.Method), "")
	case a.Body != nil && !writes:
		fault("/body", "a "+a.Method+" has no body", `write it under "query"`)
	}
	if a.IdempotencyHeader != "" && known && !writes {
		fault("/idempotencyHeader", "a "+a.Method+" changes nothing and needs no key", "leave it out")
	}
	taken := map[string]string{}
	if r.auth.header != "" {
		taken[r.auth.header] = "auth"
	}
	if a.IdempotencyHeader != "" {
		if f := checkHeaderName(a.IdempotencyHeader); f != nil {
			fault("/idempotencyHeader", f.Message, f.Hint)
		}
		r.keyHeader = headerKey(a.IdempotencyHeader)
		if by, twice := taken[http.CanonicalHeaderKey(a.IdempotencyHeader)]; twice {
			fault("/idempotencyHeader", by+" sets this header already", "")
		}
		taken[http.CanonicalHeaderKey(a.IdempotencyHeader)] = "idempotencyHeader"
	}
	for _, name := range names(a.Headers) {
		if f := checkHeaderName(name); f != nil {
			fault(pointer.Join("/headers", name), f.Message, f.Hint)
		}
		if by, twice := taken[http.CanonicalHeaderKey(name)]; twice {
			fault(pointer.Join("/headers", name), by+" sets this header already", "")
		}
		taken[http.CanonicalHeaderKey(name)] = "another name in other case"
	}
	if r.auth.query != "" && slices.Contains(names(a.Query), r.auth.query) {
		fault(pointer.Join("/query", r.auth.query), "auth sets this query parameter already", "")
	}
	return faults
}

// uses returns the params that the templates name. A path cannot use them as a
// whole.
func (r *request) uses(a Action) (*paramUses, template.Faults) {
	uses := &paramUses{byName: map[string]paramUse{}, paths: map[string]value.Path{}}
	var faults template.Faults
	for _, s := range r.path.segments {
		for _, p := range s.parts {
			if p.expr == nil {
				continue
			}
			uses.add(p.expr, true)
			if paramOf(p.expr) == "" && len(p.expr.Refs()) > 0 {
				faults = append(faults, template.Fault{Pointer: "/path", Message: "all params together cannot stand in a path", Hint: "name one, as in {{params.id}}"})
			}
		}
	}
	for _, source := range [][]byte{a.Query, a.Headers, a.Body} {
		if source == nil {
			continue
		}
		if v, err := value.Parse(source); err == nil { // it compiles
			uses.addAll(v)
		}
	}
	return uses, faults
}

// precompute makes, and thereby checks, what is the same in every call.
func (r *request) precompute() template.Faults {
	nothing := template.Map{}
	r.fixed = http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	if r.body != nil {
		r.fixed["Content-Type"] = []string{"application/json"}
	}
	if r.headers.isConstant() {
		if err := r.headers.setIn(r.fixed, nothing); err != nil {
			return template.Faults{{Pointer: "/headers", Message: err.Error()}}
		}
	}
	if !r.query.isConstant() {
		return nil
	}
	if _, err := r.query.encode(nothing); err != nil {
		return template.Faults{{Pointer: "/query", Message: err.Error()}}
	}
	if r.path.dynamic() {
		return nil
	}
	var err error
	if r.target, err = r.targetURL(nothing); err != nil {
		return template.Faults{{Pointer: "/path", Message: err.Error()}}
	}
	return nil
}

// targetURL returns the URL of a request.
func (r *request) targetURL(scope template.Scope) (*url.URL, error) {
	if r.target != nil {
		return r.target, nil
	}
	encoded, err := r.path.render(scope)
	if err != nil {
		return nil, err
	}
	encoded = r.base.EscapedPath() + encoded
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return nil, fmt.Errorf("the path is not encoded: %w", err) // not reached: its parts are
	}
	query, err := r.query.encode(scope)
	if err != nil {
		return nil, err
	}
	target := *r.base
	target.Path, target.RawPath, target.RawQuery = decoded, encoded, r.auth.appendQuery(query)
	return &target, nil
}

// build makes the request of one call with an idempotency key, which may be
// empty. An error says what is wrong with the params.
func (r *request) build(ctx context.Context, params any, key string) (*http.Request, error) {
	scope := template.Map{root: params}
	target, err := r.targetURL(scope)
	if err != nil {
		return nil, err
	}
	header := maps.Clone(r.fixed)
	request := new(http.Request).WithContext(ctx)
	request.Method, request.URL, request.Host, request.Header = r.method, target, target.Host, header
	request.Proto, request.ProtoMajor, request.ProtoMinor = "HTTP/1.1", 1, 1
	if r.body != nil {
		body, err := r.body.JSON(scope)
		if err != nil {
			return nil, renderError(r.body.Refs(), err)
		}
		request.ContentLength = int64(len(body))
		// net/http uses it only if nothing of the request was sent: see headerKey.
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	if !r.headers.isConstant() {
		if err := r.headers.setIn(header, scope); err != nil {
			return nil, err
		}
	}
	if r.keyHeader != "" && key != "" {
		header[r.keyHeader] = []string{key}
	}
	r.auth.applyHeader(header)
	return request, nil
}

// userAgent is what an API's operator sees of the gateway.
const userAgent = "Backflow"

// actionNames are the names of the actions, in order.
func (d Definition) actionNames() []string { return slices.Sorted(maps.Keys(d.Actions)) }
