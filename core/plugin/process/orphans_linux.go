package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// killOrphans kills what plugins of a gateway that was killed had started
// themselves: the kernel ends a plugin with its gateway, but not the plugin's
// children. A process whose working directory is inside the gateway's directory,
// which only this account can enter, is one of them. An id kept in a file would prove
// nothing, because it may be another process's by now. A process that works elsewhere
// is left alone.
func killOrphans(dir string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return // without it they cannot be found
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			killIfInside(pid, dir)
		}
	}
}

// killIfInside kills a process whose working directory is inside dir. It holds the
// process by a descriptor, so that no other process can take the id between the
// check and the signal.
func killIfInside(pid int, dir string) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer func() { _ = unix.Close(process) }() // nothing was written to it
	workingDir, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err == nil && strings.HasPrefix(workingDir, dir+string(filepath.Separator)) {
		_ = unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0) // it may have ended
	}
}
