package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

// requestContext is one request while it is served. It belongs to the request's
// goroutine.
type requestContext struct {
	*Gateway
	// table is the one that was in force when the request came.
	table *table
	id    string
	// segments are those of the path, decoded and checked.
	segments []string
	// route and operation are what the request leads to; they are nil before
	// that is known.
	route     *route
	operation *operation
	// action is the one to call, where the operation has a finder, and bound how its
	// HTTP binding found it, nil where the path names it.
	action *action.Action
	bound  *action.Bound
	// caller is nil on public routes.
	caller *caller
	// holder is whose share the request counts against; see holderOf.
	holder string
	// query has the values of the query by name, unless it may have any.
	query map[string]string
	// body is all of the body, read before the request has a slot.
	body []byte
	// slot is the limiter in which the request has a slot.
	slot *limiter
	// connection is that of the client, nil where there is none.
	connection *connection
	// unlogged logs a success at level debug only.
	unlogged bool
}

// serve checks the request, in the order that the package's comment gives, and
// hands it to its endpoint.
func (x *requestContext) serve(w http.ResponseWriter, r *http.Request) error {
	segments, err := splitPath(r.URL)
	if err != nil {
		return err
	}
	x.segments = segments
	rt := x.table.match(withoutSlashes(r, segments))
	x.route = rt
	x.unlogged = rt != nil && rt.exemptFromOverload
	if rt == nil || !rt.public {
		if x.caller, err = x.table.auth.authenticate(r); err != nil {
			return err
		}
	}
	if rt == nil {
		return &apiError{code: sdk.CodeNotFound, detail: "there is nothing at this path"}
	}
	if x.operation, err = rt.operation(r.Method); err != nil {
		return err
	}
	if err := x.authorize(r); err != nil {
		return err
	}
	if !x.operation.in.anyQuery {
		if x.query, err = singleValued(r.URL.RawQuery, x.operation.in.query); err != nil {
			return err
		}
	}
	if err := x.admit(w, r); err != nil {
		return err
	}
	if x.operation.stateful == readsState && x.storeDown() {
		return x.readBriefly(w, r)
	}
	return x.operation.handler(x, w, r)
}

// readBriefly has the handler of a request that reads state do so although the store
// is known to be down: one that only cannot write, as its disk is full, can be read.
func (x *requestContext) readBriefly(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), briefRead)
	defer cancel()
	err := x.operation.handler(x, w, r.WithContext(ctx))
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return errStoreDown
	}
	return err
}

// admit reads the body and takes a slot for the request. While a client sends, it
// holds neither a slot nor more memory than what has come.
func (x *requestContext) admit(w http.ResponseWriter, r *http.Request) error {
	x.holder = x.holderOf(r)
	if x.operation.stateful == writesState && x.storeDown() {
		x.endBeforeBody(w, r)
		return errStoreDown
	}
	if !x.unlogged && !x.working.hasPlace(x.holder) {
		x.endBeforeBody(w, r)
		return overloaded
	}
	var err error
	if x.body, err = x.readBody(w, r); err != nil {
		if x.operation.tooLarge != nil && apiErrorOf(err).code == codeTooLarge {
			limit := cmp.Or(x.operation.maxBody, x.table.MaxBodyBytes)
			x.operation.tooLarge(x, r, max(r.ContentLength, int64(limit)+1))
		}
		return err
	}
	if !x.unlogged && !x.acquire(x.working) {
		return overloaded
	}
	return nil
}

// endBeforeBody has a response that is sent before the body was read end the
// connection: net/http would wait for the body before it sends the response.
func (x *requestContext) endBeforeBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
	}
}

// overloaded is what a request gets for which there is no place.
var overloaded = &apiError{code: codeOverloaded, detail: "too many requests are being worked on, try again"}

// briefRead is how long a request may read from a store that is known to be down; then
// it gets 503.
const briefRead = 500 * time.Millisecond

// errStoreDown is what a request gets at once while the state store is known to be
// down.
var errStoreDown = &apiError{code: sdk.CodeUnavailable, detail: "the state store cannot be reached, try again"}

// storeDown reports whether the state store is known to be down.
func (x *requestContext) storeDown() bool {
	return x.services.Store != nil && x.services.Store.StoreDown()
}

// holderOf returns whose share a request counts against: its token's; without one
// the address's, at a webhook only there.
func (x *requestContext) holderOf(r *http.Request) string {
	if x.caller != nil {
		return x.caller.id
	}
	address := "address:" + addressGroup(clientAddress(r, x.table.TrustedProxies))
	if x.operation.shared {
		return "path:" + x.operation.path + " " + address
	}
	return address
}

// authorize returns a 403 for a request that its caller may not make, as the
// table of endpoints says.
func (x *requestContext) authorize(r *http.Request) error {
	op := x.operation
	if op.public {
		return nil
	}
	if err := x.caller.authorizeOne(op.needs, x.argument); err != nil || op.find == nil {
		return err
	}
	var err error
	if x.action, x.bound, err = op.find(x, r); err != nil {
		return err
	}
	return x.caller.authorizeCall(x.action)
}

// argument returns the argument of that name in the path. "action" is the action
// that a finder found, if the path does not name it.
func (x *requestContext) argument(name string) string {
	if i := slices.Index(x.route.arguments, name); i >= 0 {
		return x.segments[i]
	}
	if name == "action" && x.action != nil {
		return x.action.Spec().Name
	}
	return ""
}

// acquire moves the request into a limiter. It returns false and changes nothing
// if the limiter is full.
func (x *requestContext) acquire(l *limiter) bool {
	if !l.tryAcquire(x.holder) {
		return false
	}
	x.release()
	x.slot = l
	x.connection.worked()
	return true
}

// release gives up the request's slot.
func (x *requestContext) release() {
	if x.slot != nil {
		x.slot.release(x.holder)
		x.slot = nil
		x.connection.waits()
	}
}

// sendError sends the problem document of an error, unless a response has begun.
func (x *requestContext) sendError(w *recorder, r *http.Request, err error) {
	if errors.Is(err, engine.ErrUnavailable) && x.services.Store != nil {
		x.services.Store.Check()
	}
	sent, failed := problemResponse(apiErrorOf(err), x.id)
	if failed != nil {
		err = errors.Join(err, fmt.Errorf("gateway: write problem: %w", failed))
		sent = response{status: http.StatusInternalServerError}
	}
	if sent.status >= 500 {
		x.logFailure(r, sent.status, err)
	}
	if w.status == 0 {
		sent.send(w)
	}
}

// logFailure logs errors that an operator may have to act upon.
func (x *requestContext) logFailure(r *http.Request, status int, err error) {
	level := slog.LevelWarn
	if status == http.StatusInternalServerError || errors.Is(err, engine.ErrUnavailable) {
		level = slog.LevelError
	}
	x.log.Log(r.Context(), level, "request failed", "status", status, "error", err.Error())
}

// recover makes one 500 of a panic. Where the response had begun, the connection
// is cut, so that the client does not take half a response for a whole one.
func (x *requestContext) recover(w *recorder, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // the value of a panic, compared as net/http does
		panic(p)
	}
	x.log.ErrorContext(r.Context(), "panic in a request", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	x.sendError(w, r, &apiError{code: sdk.CodeInternal, detail: "an internal error; the log tells more under this request id"})
}

// logAccess writes the access log: neither query nor headers nor bodies, which
// may hold what is not to be logged.
func (x *requestContext) logAccess(w *recorder, r *http.Request, started time.Time) {
	level := slog.LevelInfo
	if x.unlogged && w.status < 400 {
		level = slog.LevelDebug // probes come every few seconds
	}
	attrs := append(make([]slog.Attr, 0, 7),
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes),
		slog.Float64("durationMs", float64(time.Since(started).Microseconds())/1000),
		slog.String("client", clientAddress(r, x.table.TrustedProxies)),
	)
	if x.caller != nil {
		attrs = append(attrs, slog.String("token", x.caller.name))
	}
	x.log.LogAttrs(r.Context(), level, "request", attrs...)
}
