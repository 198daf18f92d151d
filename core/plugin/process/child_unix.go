//go:build unix && !linux

package process

import "syscall"

// processAttributes give the child a process group of its own, so that it is
// killed with all that it started and a terminal's Ctrl-C is the gateway's alone.
// There is no parent-death signal: the SDK watches its parent.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit cannot wait here without reaping: what a plugin has started itself
// is left to end by itself.
func awaitExit(int) bool { return false }
