// Package custom makes an integration out of a declaration: a base URL, and
// for each action a method, a path, a query, headers and a body with templates
// over the params of a call.
//
// Data cannot reach where a request goes. Scheme, host and base path come from
// the declaration. A value in the path is one segment or part of one, encoded,
// and never a dot segment. A value in the query or in a header is encoded or
// refused. Redirects are not followed. A request is sent once: the caller repeats
// a failed call.
//
// The package does not know the config: faults of a declaration come with JSON
// Pointers into it. The package imports core/action, core/outgoing, core/telemetry,
// core/template, sdk, sdk/pointer, sdk/schema, sdk/suggest and sdk/value.
package custom
