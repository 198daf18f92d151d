// Package plugin is the host of plugins: it finds them, checks them, keeps them
// running, and shows each as an action.Integration. Nobody above it can tell how
// a plugin is run: a transport (package process, over go-plugin, and package wasm,
// over wazero) is a Launcher that is handed in, and ByFile one that has both.
//
// A Host owns all plugins of a config, a Plugin supervises the successive
// instances of one. A plugin that cannot be started, or dies, or hangs, fails
// its own calls, by name and reason, and nothing else.
//
// The package may import core/action, core/backoff, core/egress, core/excerpt, core/plugin/credential, core/schema,
// core/telemetry and sdk. It knows no vendor, no HTTP and no config file.
package plugin
