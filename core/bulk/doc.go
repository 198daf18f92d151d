// Package bulk changes many runs by one request: it retries, cancels or reruns those
// that a filter selects.
//
// What is changed is fixed when the bulk is made, before anything is changed: a
// preview shows it, and what matches the filter later is not among it. The items are
// stored in chunks; one process at a time works on them, the oldest run first, a few
// in a second, and writes down what became of each. An item takes effect at most
// once, whatever crashes: the engine records it in the write that changes the run.
// Each is done as the caller who made the bulk, with the scopes that the caller has
// at that moment.
//
// The package imports core/backoff, core/engine, core/event, core/outage, core/state,
// core/state/layout, core/wakeup, core/workflow, sdk and sdk/excerpt. It does not know HTTP.
package bulk
