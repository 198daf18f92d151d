package redis

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// outage logs once that Redis cannot be used, and once that it can be used again,
// however many operations notice.
type outage struct {
	logger *slog.Logger

	down  atomic.Bool // read by over without the lock
	mu    sync.Mutex  // guards since
	since time.Time   // zero while Redis works
}

// began notes that an operation failed and is tried again.
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
		return // another operation has logged it
	}
	o.logger.Info("Redis can be used again", "afterMs", time.Since(o.since).Milliseconds())
	o.since = time.Time{}
	o.down.Store(false)
}
