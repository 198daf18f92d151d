// Package destination sends messages to the webhooks of others, signed by Standard
// Webhooks 1.0 (https://github.com/standard-webhooks/standard-webhooks).
//
// A Service makes each message durable together with a run of its own, which calls the
// one action of Deliveries until the receiver has taken it: when, and how often, is the
// retry policy of the run, and nothing here has a timer of its own. The bytes of a
// message are made once and stored once; runs and lists hold its id.
//
// What is known of a destination is one record, which changes only when something
// happens that all processes must agree on: it fails, it is disabled, a message probes
// it. While it is disabled its messages are held: a record and an entry in a set each,
// and no run.
//
// The package imports core/action, core/backoff, core/egress, core/engine, core/event,
// core/notice, core/outage, core/outgoing, core/state, core/state/layout, core/telemetry,
// core/template, core/wakeup, core/workflow, sdk, sdk/pointer, sdk/suggest and sdk/value. It knows
// neither HTTP servers nor the config.
package destination
