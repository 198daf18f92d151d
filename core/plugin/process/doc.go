// Package process runs plugins as child processes, over hashicorp/go-plugin and
// gRPC on a unix socket. It is one plugin.Launcher; what to do when a plugin
// dies is package plugin's affair.
//
// go-plugin does the handshake and the connection. What a stranger's process
// could do harm with is done here instead: its output is read here (go-plugin
// panics on some log lines, and stops reading on long ones), it is started and
// killed here, and its socket must be where it was told to be.
package process
