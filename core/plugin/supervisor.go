package plugin

import (
	"context"
	"time"

	"github.com/backflow/backflow/sdk"
)

// supervisor keeps an instance of one plugin running. All of it belongs to the
// goroutine of run. What takes time runs in other goroutines, which report to it.
type supervisor struct {
	p      *Plugin
	member Member

	current  *running         // what callers use, nil if nothing
	starting *startAttempt    // the start in progress, nil if none
	retry    <-chan time.Time // when the next start is due, nil if none is planned
	failures int              // failures in a row

	seenFile    fileState // the file when it was last checked
	failedFile  fileState // the file of the last start that failed, or that was rejected
	rejected    string    // why a replaced file is not in force
	retryFileAt time.Time // when a replaced file that failed is tried again; zero: when it changes

	folders   []string      // those that the credentials name
	foldersOf *sdk.Manifest // by this manifest, nil if they are to be looked for

	probing      bool             // a probe is in progress
	lastProbe    time.Time        // when it began
	probeResults chan probeResult // of current

	asking        bool              // the current instance is asked how it is
	unwell        string            // why the calls of the current one cannot succeed, as it says itself
	healthResults chan healthResult // of current
}

// startAttempt is a start in progress.
type startAttempt struct {
	cancel context.CancelFunc
	done   chan startResult
	file   fileState // what it is started from; of the attempt until done says that it has ended
}

// startResult is a running instance, or an error. It is neither if the file turned
// out to be the one that runs already.
type startResult struct {
	running *running
	err     error
}

// probeResult is whether an instance gave a sign of life.
type probeResult struct {
	of  *running
	err error
}

// healthResult is what an instance says of its health: the reason why its calls cannot
// succeed now, "" if they can.
type healthResult struct {
	of     *running
	reason string
}
