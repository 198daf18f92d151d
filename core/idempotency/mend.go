package idempotency

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

const (
	// mendPause is how long a write that failed waits before it is tried again.
	mendPause = time.Second
	// mendLimit is how long it is tried at all.
	mendLimit = 10 * time.Minute
	// mendWrites and mendBytes bound what waits. What finds no room is left to
	// the next request with the key that this process gets, or to whoever takes
	// over once this process has ended; it is then an attempt that may have acted.
	mendWrites = 4096
	mendBytes  = 16 << 20
)

// mender makes writes later that a store's outage kept from being made, or of
// which nobody knows whether they were. Without it, a record would name this
// process as its holder for as long as the process lives, and other replicas
// would answer 409 although nobody works on the request any more.
//
// Its one goroutine runs only while something waits. Every write is fenced and
// compares the record with what it was, so that it does nothing if anybody took
// the record over meanwhile, or the write had been made after all.
type mender struct {
	store state.Store
	lease Lease

	mu      sync.Mutex // guards all below
	waiting []late
	bytes   int // the sum of waiting
	closed  bool
	running bool
	stop    chan struct{} // closed by close
	loop    sync.WaitGroup
}

// late is a write to a record that waits.
type late struct {
	id    string // the record's
	ops   []state.Op
	since time.Time
}

func (w late) size() int {
	n := 0
	for i := range w.ops {
		n += len(w.ops[i].Value)
	}
	return n
}

func newMender(store state.Store, lease Lease) *mender {
	return &mender{store: store, lease: lease, stop: make(chan struct{})}
}

// add leaves a write to the mender.
func (m *mender) add(id string, ops ...state.Op) {
	w := late{id: id, ops: ops, since: time.Now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.waiting) >= mendWrites || m.bytes+w.size() > mendBytes {
		return
	}
	m.waiting = append(m.waiting, w)
	m.bytes += w.size()
	if !m.running {
		m.running = true
		m.loop.Go(m.run)
	}
}

// hasten makes at once what waits for a record, since somebody asks for it, and
// reports whether that changed the record. The write goes on waiting then, and
// finds that nothing is left to do.
func (m *mender) hasten(ctx context.Context, id string) (bool, error) {
	for _, w := range m.of(id) {
		lost, err := outcome(m.store.Commit(ctx, w.ops...), m.lease.Fence(), "write what an outage left")
		if !lost {
			return err == nil, err
		}
	}
	return false, nil
}

// of lists the writes that wait for a record. At most one of them is about what
// the record is: the others were of requests whose insert was not made at all.
func (m *mender) of(id string) []late {
	m.mu.Lock()
	defer m.mu.Unlock()
	var writes []late
	for _, w := range m.waiting {
		if w.id == id {
			writes = append(writes, w)
		}
	}
	return writes
}

// run makes what waits, until nothing does.
func (m *mender) run() {
	for {
		select {
		case <-m.stop:
			return
		case <-time.After(mendPause):
		}
		for {
			w, ok := m.first()
			if !ok {
				return
			}
			if !m.make(w) {
				break // the store is still away, for the others as well
			}
			m.done(w)
		}
	}
}

// first is what has waited longest; false ends the goroutine.
func (m *mender) first() (late, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.waiting) == 0 {
		m.running = false
		return late{}, false
	}
	return m.waiting[0], true
}

func (m *mender) done(w late) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[0] = late{}
	m.waiting = m.waiting[1:]
	m.bytes -= w.size()
}

// make tries a write, and reports whether that is the end of it.
func (m *mender) make(w late) bool {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	err := m.store.Commit(ctx, w.ops...)
	switch {
	case errors.Is(err, state.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return time.Since(w.since) > mendLimit
	default:
		// Made; or a condition does not hold, so somebody else wrote the record,
		// or this process may write no more; or the store is closed.
		return true
	}
}

// close ends the goroutine and waits for it. What still waits is left to
// whoever takes the records over.
func (m *mender) close() {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.stop)
	}
	m.mu.Unlock()
	m.loop.Wait()
}
