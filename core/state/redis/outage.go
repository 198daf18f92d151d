package redis

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// outage tells once that Redis cannot be used, and once that it can be again,
// however many operations notice.
type outage struct {
	logger *slog.Logger

	down  atomic.Bool // what over looks at without the lock
	mu    sync.Mutex  // guards since
	since time.Time   // zero while there is none
}

// began notes that an operation has to be tried again.
func (o *outage) began(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.since.IsZero() {
		return
	}
	o.since = time.Now()
	o.down.Store(true)
	o.logger.Warn("Redis cannot be used at present; trying again", "error", err)
}

// over notes that an operation succeeded.
func (o *outage) over() {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return // another operation told it
	}
	o.logger.Info("Redis can be used again", "after", time.Since(o.since).Round(time.Millisecond))
	o.since = time.Time{}
	o.down.Store(false)
}
