//go:build !wasip1

package sdk

import (
	"os"
	"strconv"
	"time"
)

// parentPoll is how often a plugin looks whether its gateway still lives.
const parentPoll = 200 * time.Millisecond

// exitOrphaned is the exit code of a plugin whose gateway is gone.
const exitOrphaned = 3

// watchParent ends the process as soon as its parent is not the gateway that
// started it. An orphan is handed to another process, so that its parent's id
// changes. On Linux the kernel's parent-death signal is faster; here is what
// holds everywhere. The goroutine lives as long as the process.
func watchParent() {
	parent := os.Getppid()
	// The gateway may have died before this line: the variable has its id.
	if id, err := strconv.Atoi(os.Getenv(ParentVariable)); err == nil {
		parent = id
	}
	go func() {
		ticker := time.NewTicker(parentPoll)
		defer ticker.Stop()
		for ; os.Getppid() == parent; <-ticker.C {
		}
		os.Exit(exitOrphaned)
	}()
}
