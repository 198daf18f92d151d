// Package wasm runs plugins as guests in a sandbox inside the gateway, over
// wazero. It is one plugin.Launcher; docs/plugin-abi.md describes how it
// talks to a guest.
//
// Package modulecache compiles a module once for each content. An Instance is a
// pool of guests of one module. A guest handles one call at a time. One that traps,
// overruns its time or exceeds its memory is thrown away and harms no other.
//
// A guest has no file, no environment, no argument and no network. It has the
// clocks, randomness, the gateway's log, and HTTP to the hosts that its Spec allows.
//
// The package imports core/egress, core/plugin, core/plugin/internal/output,
// core/plugin/wasm/modulecache, sdk and sdk/abi.
package wasm
