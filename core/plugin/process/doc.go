// Package process runs plugins as child processes, over hashicorp/go-plugin and
// gRPC on a unix socket. It is one plugin.Launcher. Package plugin decides
// what to do when a plugin dies.
//
// go-plugin does the handshake and the connection. This package does what a
// plugin could do harm with: it reads the plugin's output (go-plugin panics on
// some log lines, and stops reading on long ones), starts and kills the process,
// and checks that the socket is in the directory that the plugin was given.
//
// The package imports core/action, core/plugin, core/plugin/internal/output, sdk and
// sdk/proto/backflow/plugin/v1.
package process
