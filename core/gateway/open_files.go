package gateway

import "syscall"

// mayOpen returns how many connections a process may have open: half of the files
// that the system lets it open. The other half is for everything else.
func mayOpen() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur > 1<<30 {
		return 1 << 29
	}
	return max(1, int(files.Cur/2))
}
