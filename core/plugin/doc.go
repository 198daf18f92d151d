// Package plugin is the host of plugins: it finds them, checks them, keeps them
// running, and makes each an action.Integration. Packages above it cannot tell how a
// plugin is run: a transport (package process, over go-plugin, and package wasm,
// over wazero) is a Launcher that the caller hands in. Transports is a Launcher that
// has both.
//
// A Host owns all plugins of a config. A Plugin has the successive instances of one,
// and a supervisor, which starts, checks and replaces them. A plugin that cannot be
// started, or dies, or hangs, fails its own calls, by name and reason, and nothing
// else.
//
// It knows no vendor, no HTTP and no config file. The package imports core/action,
// core/backoff, core/egress, core/plugin/credential, core/provider, core/telemetry, sdk,
// sdk/excerpt, sdk/litter, sdk/manifest and sdk/schema.
package plugin
