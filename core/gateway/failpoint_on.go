//go:build failpoint

package gateway

import (
	"os"
	"syscall"
)

// failpoint ends the program as kill -9 does, if it is the point that
// BACKFLOW_FAILPOINT names.
func failpoint(name string) {
	if os.Getenv("BACKFLOW_FAILPOINT") != name {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail for the own process
	select {}                                      // the signal is on its way
}
