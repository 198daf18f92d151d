package gateway

import (
	"syscall"
	"testing"
)

func TestConnectionsLeaveHalfOfTheOpenFiles(t *testing.T) {
	t.Parallel()
	var files syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if got := mayOpen(); got < 1 || uint64(got) > max(1, files.Cur/2) {
		t.Errorf("%d connections where %d files may be open", got, files.Cur)
	}
}
