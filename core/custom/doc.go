// Package custom makes an integration out of a declaration: a base URL, and
// for each action a method, a path, a query, headers and a body with templates
// over the params of a call.
//
// Data cannot reach where a request goes. Scheme, host and base path come from
// the declaration; a value in the path is one segment or part of one, encoded,
// and never a dot segment; a value in the query or in a header is encoded or
// refused. Redirects are not followed. A request is sent once: who repeats a
// failed call is its caller.
//
// The package may import sdk, core/action, core/template, core/value,
// core/schema, core/telemetry, sdk/pointer and sdk/suggest. It does not know the config:
// faults of a declaration come with JSON Pointers into it.
package custom
