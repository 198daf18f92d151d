// Package gateway is Backflow over HTTP: it authenticates, limits and routes
// requests, and says what went wrong as problem documents (RFC 9457). What a
// request asks for is done elsewhere: its handlers are thin layers over
// core/action, core/engine, core/event, core/idempotency and core/webhook.
//
// Everything that the config decides is in [Routes], an immutable value behind
// one pointer: [Gateway.Swap] checks and builds the whole of the new table
// before any request is routed by it, and requests under way finish on the old one.
//
// The endpoints are one table. Each row says which scope its caller needs, what a
// request may bring and how it can succeed. A request reaches a handler only after
// its caller was checked as the row says. A row that does not say it is an error
// of New.
//
// The order for a request is fixed: request id, the path's form, the caller, the
// route and its method, the scope, the body, a place among the requests that are
// worked on, and of calls among the params the scopes. So an unauthenticated client learns nothing of what there is, a path
// that could mean two things reaches no handler, and a client that is slow to send
// or to read its response holds no place.
//
// The package imports core/access, core/action, core/bulk, core/destination,
// core/engine, core/event, core/idempotency, core/reconcile, core/telemetry, core/webhook,
// core/workflow, sdk, sdk/pointer, sdk/schema, sdk/suggest and sdk/value. It knows no
// vendor, no store, no config file and no plugin process.
package gateway
