//go:build unix

package process

import "syscall"

// killGroup kills every process of a group. There may be none left.
func killGroup(pid int) {
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
