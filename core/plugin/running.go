package plugin

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/sdk"
)

// running is an instance that was checked, and configured if its credentials
// allowed it, with the limits for calling it. A caller acquires it for the time
// of a call, so that it can be replaced without failing calls.
type running struct {
	instance Instance
	manifest *sdk.Manifest
	actions  map[string]struct{}
	// missingCredentials says what the config lacks; empty when configured.
	missingCredentials string
	// sandbox says that it stands in for its vendor.
	sandbox bool
	timeout time.Duration
	limiter *limiter
	// file is the state of the file just before the start. Only the supervisor uses
	// it.
	file fileState
	// activeSince is when callers could first use it.
	activeSince time.Time
	// checksum is that of the file's content, nil while unknown.
	checksum atomic.Pointer[string]
	// killReason is why it was killed, nil if it was not.
	killReason atomic.Pointer[string]

	// users is how many calls use it, plus retired once no other may.
	users    atomic.Int64
	idleOnce sync.Once
	// idle is closed when it is retired and the last call has released it.
	idle chan struct{}
}

// retired is so far below zero that no number of callers makes users positive
// again.
const retired = math.MinInt64 / 2

// acquire keeps the instance from being closed until release. It reports false if
// the instance can no longer be called.
func (r *running) acquire() bool {
	if r.users.Add(1) > 0 {
		return true
	}
	r.release()
	return false
}

func (r *running) release() {
	if r.users.Add(-1) == retired {
		r.idleOnce.Do(func() { close(r.idle) })
	}
}

// retire makes acquire fail from now on. It is called once.
func (r *running) retire() {
	if r.users.Add(retired) == retired {
		r.idleOnce.Do(func() { close(r.idle) })
	}
}
