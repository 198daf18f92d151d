package process

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes gives the child a process group of its own, so that it is
// killed together with all that it started, and a terminal's Ctrl-C reaches the
// gateway alone. The kernel kills the child when the gateway dies, in any way.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until the process has ended, and leaves it to be reaped: until
// then neither its id nor that of its group can become another's. It reports
// whether it could wait.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
