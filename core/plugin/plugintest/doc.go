// Package plugintest is the suite that every transport of plugins passes, and
// what tests of transports share. It is for tests only.
package plugintest
