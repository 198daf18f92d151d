package process

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes give the child a process group of its own, so that it is
// killed with all that it started and a terminal's Ctrl-C is the gateway's alone,
// and have the kernel kill it when the gateway dies in whatever way.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until the process has ended and leaves it to be reaped: until
// then its id, and so its group's, cannot become another's. It reports whether
// it could.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
