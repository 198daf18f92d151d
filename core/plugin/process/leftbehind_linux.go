package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// endLeftBehind kills what plugins of a gateway that was killed had started
// themselves: the kernel ends a plugin with its gateway, but not the plugin's
// children. That a process works inside of the gateway's directory, which only this
// account can enter, is the proof that it is one of them; an id kept in a file is
// none, because it may be another's by now. What has gone elsewhere is left alone.
func endLeftBehind(dir string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return // without it nobody can tell
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			endInside(pid, dir)
		}
	}
}

// endInside kills a process that works inside of a directory. It holds the process
// by a descriptor, so that the one that was looked at is the one that is killed.
func endInside(pid int, dir string) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer func() { _ = unix.Close(process) }() // nothing was written to it
	works, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err == nil && strings.HasPrefix(works, dir+string(filepath.Separator)) {
		_ = unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0) // it may have ended
	}
}
