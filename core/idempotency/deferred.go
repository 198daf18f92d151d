package idempotency

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

const (
	// retryInterval is how long a write that failed waits before it is tried again.
	retryInterval = time.Second
	// maxDeferral is how long it is tried at all.
	maxDeferral = 10 * time.Minute
	// maxDeferredWrites and maxDeferredBytes bound what waits. A write that finds
	// no room is left to the next request with the key that this process gets, or
	// to the process that takes over once this one has ended. It is then an attempt
	// that may have acted.
	maxDeferredWrites = 4096
	maxDeferredBytes  = 16 << 20
)

// deferredWriter makes the writes later that failed in an outage of the store, or
// whose outcome is unknown. Without it, a record would name this process as its
// holder for as long as the process lives, and other replicas would respond with
// 409 although no process works on the request any more.
//
// Its one goroutine runs only while a write waits. Every write is fenced and
// compares the record with its earlier value, so it does nothing if another
// process has taken the record over, or if it was made after all.
type deferredWriter struct {
	store state.Store
	lease Lease

	mu      sync.Mutex // guards all below
	waiting []pending
	bytes   int // the sum of waiting
	closed  bool
	running bool
	stop    chan struct{} // closed by close
	loop    sync.WaitGroup
}

// pending is a write to a record that waits.
type pending struct {
	id    string // the record's
	ops   []state.Op
	since time.Time
}

func (w pending) size() int {
	n := 0
	for i := range w.ops {
		n += len(w.ops[i].Value)
	}
	return n
}

func newDeferredWriter(store state.Store, lease Lease) *deferredWriter {
	return &deferredWriter{store: store, lease: lease, stop: make(chan struct{})}
}

// add queues a write.
func (d *deferredWriter) add(id string, ops ...state.Op) {
	w := pending{id: id, ops: ops, since: time.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.waiting) >= maxDeferredWrites || d.bytes+w.size() > maxDeferredBytes {
		return
	}
	d.waiting = append(d.waiting, w)
	d.bytes += w.size()
	if !d.running {
		d.running = true
		d.loop.Go(d.run)
	}
}

// flush makes the writes that wait for a record now, because a request needs the
// record. It reports whether the record changed. The write stays in the queue,
// where it will find nothing left to do.
func (d *deferredWriter) flush(ctx context.Context, id string) (bool, error) {
	for _, w := range d.pendingFor(id) {
		lost, err := outcome(d.store.Commit(ctx, w.ops...), d.lease.Fence(), "write what an outage left")
		if !lost {
			return err == nil, err
		}
	}
	return false, nil
}

// pendingFor returns the writes that wait for a record. At most one of them
// concerns the record as it is: the others belong to requests whose insert was
// never made.
func (d *deferredWriter) pendingFor(id string) []pending {
	d.mu.Lock()
	defer d.mu.Unlock()
	var writes []pending
	for _, w := range d.waiting {
		if w.id == id {
			writes = append(writes, w)
		}
	}
	return writes
}

// run makes the queued writes until none is left.
func (d *deferredWriter) run() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(retryInterval):
		}
		for {
			w, ok := d.oldest()
			if !ok {
				return
			}
			if !d.try(w) {
				break // the store is still away, for the others as well
			}
			d.removeOldest(w)
		}
	}
}

// oldest returns the write that has waited longest. It returns false when there
// is none, which ends the goroutine.
func (d *deferredWriter) oldest() (pending, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.waiting) == 0 {
		d.running = false
		return pending{}, false
	}
	return d.waiting[0], true
}

func (d *deferredWriter) removeOldest(w pending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[0] = pending{}
	d.waiting = d.waiting[1:]
	d.bytes -= w.size()
}

// try makes a write, and reports whether it is settled: made, obsolete or given
// up.
func (d *deferredWriter) try(w pending) bool {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	err := d.store.Commit(ctx, w.ops...)
	switch {
	case errors.Is(err, state.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return time.Since(w.since) > maxDeferral
	default:
		// It was made; or a condition failed, because another process wrote the
		// record or this one lost its lease; or the store is closed.
		return true
	}
}

// close ends the goroutine and waits for it. Writes that still wait are left to
// the process that takes the records over.
func (d *deferredWriter) close() {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.stop)
	}
	d.mu.Unlock()
	d.loop.Wait()
}
