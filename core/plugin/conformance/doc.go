// Package conformance checks whether a plugin keeps the promises that the gateway
// counts on: what `backflow plugin test` runs against any plugin, over any
// transport, and what our own plugins pass.
//
// It speaks to a plugin through a plugin.Launcher and nothing else, and not
// through the supervisor, which would hide what a plugin does wrong. It knows no
// vendor and prints nothing.
//
// A plugin's actions are called only where that needs no credentials or where
// some were given, and then with the examples of its manifest, or with params
// that cannot be carried out. An action that writes and is not in a sandbox is
// repeated only where its manifest says that a repeat does no harm.
//
// The package imports core/plugin, core/plugin/credential, core/telemetry, sdk,
// sdk/excerpt, sdk/schema and sdk/value.
package conformance
