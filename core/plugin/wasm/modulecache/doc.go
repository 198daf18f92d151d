// Package modulecache compiles WASM modules for wazero, once for each content,
// and keeps the machine code on disk for the next start of the gateway.
//
// A Module is counted: with its last user, runtime and machine code are closed.
// On disk, an entry holds the module without the code of its functions, and the
// machine code of the whole module; see diskCache for the reason.
//
// The package knows nothing of plugins' calls. The package imports core/plugin.
package modulecache
