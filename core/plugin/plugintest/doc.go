// Package plugintest is the suite that every transport of plugins passes, and
// what tests of transports share. Only tests may import it.
//
// The package imports core/action, core/plugin, core/provider, internal/testkit, sdk and sdk/value.
package plugintest
