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

// deferredWriter makes the writes later that an outage of the store kept from
// being made, or whose outcome is not known. Without it, a record would name this
// process as its holder for as long as the process lives, and other replicas would
// respond with 409 although no process works on the request any more.
//
// Its one goroutine runs only while something waits. Every write is fenced and
// compares the record with what it was, so that it does nothing if the record was
// taken over meanwhile, or the write had been made after all.
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

// add has a write made later.
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

// flush makes at once what waits for a record that a request asks for, and reports
// whether that changed the record. The write goes on waiting then, and finds that
// nothing is left to do.
func (d *deferredWriter) flush(ctx context.Context, id string) (bool, error) {
	for _, w := range d.of(id) {
		lost, err := outcome(d.store.Commit(ctx, w.ops...), d.lease.Fence(), "write what an outage left")
		if !lost {
			return err == nil, err
		}
	}
	return false, nil
}

// of lists the writes that wait for a record. At most one of them is about the
// record as it is: the others were of requests whose insert was not made at all.
func (d *deferredWriter) of(id string) []pending {
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

// run makes what waits, until nothing is left.
func (d *deferredWriter) run() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(retryInterval):
		}
		for {
			w, ok := d.first()
			if !ok {
				return
			}
			if !d.make(w) {
				break // the store is still away, for the others as well
			}
			d.done(w)
		}
	}
}

// first returns what has waited longest; false ends the goroutine.
func (d *deferredWriter) first() (pending, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.waiting) == 0 {
		d.running = false
		return pending{}, false
	}
	return d.waiting[0], true
}

func (d *deferredWriter) done(w pending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[0] = pending{}
	d.waiting = d.waiting[1:]
	d.bytes -= w.size()
}

// make tries a write, and reports whether it need not be tried again.
func (d *deferredWriter) make(w pending) bool {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	err := d.store.Commit(ctx, w.ops...)
	switch {
	case errors.Is(err, state.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return time.Since(w.since) > maxDeferral
	default:
		// It is made; or a condition does not hold, so another process wrote the
		// record or this one may write no more; or the store is closed.
		return true
	}
}

// close ends the goroutine and waits for it. What still waits is left to the
// process that takes the records over.
func (d *deferredWriter) close() {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.stop)
	}
	d.mu.Unlock()
	d.loop.Wait()
}
