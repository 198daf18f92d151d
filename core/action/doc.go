// Package action is the one place that knows how to call an action safely:
// which integrations there are, whether params are valid, and whether a
// failed call is repeated.
//
// An integration is a set of actions under one name. Where it lives (another
// process, WASM, a declaration in the config) is not known here: a Registry is
// built of integrations. A Catalog is its part that only describes them. The package
// imports core/backoff, sdk, sdk/pointer, sdk/results, sdk/schema, sdk/suggest and sdk/value.
package action
