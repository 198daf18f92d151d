// Package server runs a compile.Plan: it opens the store, starts the plugins, the
// engine and the gateway, puts another plan in force when the config changes, and
// stops everything in order.
//
// What differs between a program and a test is handed in: how the store is opened,
// how plugins are launched, the clock, the listener. The package knows no store and
// no plugin transport, so that the simulation, which runs whole servers in virtual
// time, links none of them.
//
// The package imports core/action, core/bulk, core/compile, core/config, core/custom,
// core/destination, core/engine, core/event, core/gateway, core/idempotency,
// core/lease, core/notice, core/plugin, core/provider, core/reconcile, core/schedule, core/state, core/state/measured,
// core/telemetry, core/telemetry/metrics, core/webhook and sdk.
package server
