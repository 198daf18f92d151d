// Package webhook receives the webhooks of one sender at one path: a request is
// verified on its raw body, and its event and the run of its actions are stored
// in one write, once for each event id.
//
// There is no second queue and no second retry loop: once the write is there
// the run is the engine's, and before it is there the response makes the sender
// try again. A repeated event conflicts with the record of the first, which outlives
// the run, and so runs nothing.
//
// The package imports core/condition, core/engine, core/event, core/provider,
// core/telemetry, core/template, sdk and sdk/value. How a sender signs is known to its provider alone.
package webhook
