//go:build unix && !linux

package process

import "syscall"

// processAttributes gives the child a process group of its own, so that it is
// killed together with all that it started, and a terminal's Ctrl-C reaches the
// gateway alone. There is no parent-death signal here: the SDK watches its parent.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit cannot wait here without reaping. What a plugin has started is left to
// end by itself.
func awaitExit(int) bool { return false }
