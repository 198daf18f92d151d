package plugin

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/sdk"
)

// running is an instance that has been checked, and configured if it could be,
// with the terms on which it is called. Whoever calls it holds it meanwhile, so
// that it can be replaced without anybody noticing.
type running struct {
	instance Instance
	manifest *sdk.Manifest
	actions  map[string]struct{}
	// missing says which credentials the config lacks; empty when configured.
	missing string
	timeout time.Duration
	limit   *limiter
	// file is how the file looked just before the start; the supervisor's own.
	file fileState
	// begun is when it was shown to callers.
	begun time.Time
	// sum is that of the file's content, nil where it is not known.
	sum atomic.Pointer[string]
	// verdict is why it was killed, nil if it was not.
	verdict atomic.Pointer[string]

	// holders is how many calls hold it, plus retired once nobody may any more.
	holders atomic.Int64
	empty   sync.Once
	// idle is closed when it is retired and the last call has left it.
	idle chan struct{}
}

// retired is so far below zero that no number of callers brings it back.
const retired = math.MinInt64 / 2

// hold keeps the instance from being closed until release, and reports whether
// it can still be called.
func (r *running) hold() bool {
	if r.holders.Add(1) > 0 {
		return true
	}
	r.release()
	return false
}

func (r *running) release() {
	if r.holders.Add(-1) == retired {
		r.empty.Do(func() { close(r.idle) })
	}
}

// retire lets nobody in any more. It is called once.
func (r *running) retire() {
	if r.holders.Add(retired) == retired {
		r.empty.Do(func() { close(r.idle) })
	}
}
