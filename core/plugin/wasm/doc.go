// Package wasm runs plugins as guests in a sandbox inside the gateway, over
// wazero. It is one plugin.Launcher; docs/plugin-abi.md describes how a guest is
// spoken to.
//
// A module is compiled once for each content, kept on disk as machine code, and
// counted: when the last instance is closed, module and runtime are closed too.
// An Instance is a pool of guests of one module. A guest answers one call at a
// time; one that traps, overruns its time or exceeds its memory is thrown away
// and harms no other.
//
// A guest has no file, no environment, no argument and no network, but the clocks,
// randomness, the gateway's log, and HTTP to the hosts that its Spec allows.
//
// The package may import core/plugin, core/egress and sdk.
package wasm
