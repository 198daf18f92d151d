package bulk

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
)

const (
	// checkInterval is how often the store is searched for bulks that no process
	// works on.
	checkInterval = 2 * time.Second
	// flushInterval is how long what became of items is kept before it is written.
	flushInterval = time.Second
	// itemPause follows each item.
	itemPause = time.Second / ItemsPerSecond
	// retryPause follows an item that cannot be done now.
	retryPause = time.Second
	// page is how many running bulks are read at once.
	page = 100
)

// task is a bulk that this process works on. It belongs to the loop.
type task struct {
	id    string
	next  int // index of the item to do
	total int

	number int    // of the chunk that is loaded
	chunk  *chunk // nil before the first
	// unwritten are the first items of the chunk whose results are not written.
	unwritten []storedItem
	flushed   time.Time
}

// work works on all bulks that this process holds, an item of each in turn.
func (m *Manager) work() {
	tasks := map[string]*task{}
	var checked time.Time
	for m.stopping.Err() == nil {
		if len(tasks) == 0 || m.woken() || time.Since(checked) >= checkInterval {
			checked = time.Now()
			m.outage.Note("search for bulks that nobody works on", m.claimAll(tasks))
		}
		if len(tasks) == 0 {
			m.wakeup.Sleep(m.stopping.Done(), checkInterval)
			continue
		}
		for id, t := range tasks {
			goOn, pause, err := m.step(t)
			m.outage.Note("work on a bulk", err)
			if !goOn {
				delete(tasks, id)
			}
			if backoff.Sleep(m.stopping, pause) != nil {
				break
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), handoverTimeout)
	defer cancel()
	for id, t := range tasks {
		if err := m.flush(ctx, t, func(rec *record) { rec.Lease = "" }); err != nil {
			m.log.Warn("a bulk could not be handed over; it is taken up when the lease is over", "bulk", id, "error", err)
		}
	}
}

// handoverTimeout bounds what is written of a bulk when this process stops.
const handoverTimeout = 5 * time.Second

// woken reports whether a bulk was made or changed since it was asked last.
func (m *Manager) woken() bool {
	select {
	case <-m.wakeup:
		return true
	default:
		return false
	}
}

// claimAll makes this process the holder of the running bulks that have none.
func (m *Manager) claimAll(tasks map[string]*task) error {
	for after := ""; ; {
		ids, err := m.store.Range(m.stopping, state.Range{Set: layout.SetBulksRunning, After: after, Limit: page})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if tasks[id] != nil {
				continue
			}
			t, err := m.claim(id)
			if err != nil {
				return err
			}
			if t != nil {
				tasks[id] = t
			}
		}
		after = ids[len(ids)-1]
	}
}

// claim makes this process the holder of a bulk; nil where another one is.
func (m *Manager) claim(id string) (*task, error) {
	rec, data, err := m.read(m.stopping, id)
	if errors.Is(err, ErrNotFound) { // it has expired
		_, err := m.commit(m.stopping, engine.Once{}, []state.Op{m.lease.Fence(), state.Remove(layout.SetBulksRunning, id)})
		return nil, err
	}
	if err != nil || rec.Status != StatusRunning {
		return nil, err
	}
	if rec.Lease != "" && rec.Lease != m.lease.ID() {
		if alive, err := m.lease.Alive(m.stopping, rec.Lease); err != nil || alive {
			return nil, err
		}
	}
	next := *rec
	next.Lease = m.lease.ID()
	again, err := m.commit(m.stopping, engine.Once{}, append([]state.Op{m.lease.Fence()}, rec.replaceOps(data, &next)...))
	if again {
		return nil, nil // another process was faster
	}
	if err != nil {
		return nil, err
	}
	return &task{id: id, next: rec.Next, total: rec.Counts.Total, flushed: time.Now()}, nil
}

// step does the next item of a bulk. It returns false once this process has no more
// to do with the bulk, and how long to wait before the next step.
func (m *Manager) step(t *task) (goOn bool, pause time.Duration, err error) {
	rec, _, err := m.read(m.stopping, t.id)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, 0, nil
	case err != nil:
		return true, retryPause, err
	case rec.Lease != m.lease.ID():
		return false, 0, nil // another process took it: it finds out what is missing
	case rec.Status != StatusRunning:
		err := m.flush(m.stopping, t, func(rec *record) { rec.Lease = "" })
		return err != nil, 0, err
	}
	if t.full() && len(t.unwritten) > 0 { // it could not be written before
		return m.settle(t)
	}
	if err := m.load(t); err != nil {
		return !errors.Is(err, ErrNotFound), retryPause, err
	}
	item, again, err := m.do(m.stopping, rec, t.next, t.chunk.Items[t.next%chunkSize])
	if again || err != nil {
		return true, retryPause, err
	}
	t.unwritten = append(t.unwritten, item)
	t.next++
	if !t.full() && time.Since(t.flushed) < flushInterval {
		return true, itemPause, nil
	}
	return m.settle(t)
}

// full reports whether the last item of a chunk is done.
func (t *task) full() bool { return t.next == t.total || t.next%chunkSize == 0 }

// settle writes what became of items, and the end of the bulk after the last.
func (m *Manager) settle(t *task) (goOn bool, pause time.Duration, err error) {
	if t.next < t.total {
		err := m.flush(m.stopping, t, func(*record) {})
		return true, itemPause, err
	}
	var ended record
	err = m.flush(m.stopping, t, func(rec *record) {
		rec.Lease = ""
		if rec.Status != StatusCancelled {
			rec.Status, rec.FinishedAt = StatusFinished, m.now().UTC()
		}
		ended = *rec
	})
	if err != nil {
		return true, itemPause, err
	}
	m.log.Info("a bulk has ended", "bulk", t.id, "action", ended.Action, "caller", ended.Caller, "status", ended.Status,
		"done", ended.Counts.Done, "failed", ended.Counts.Failed, "skipped", ended.Counts.Skipped)
	return false, itemPause, nil
}

// load reads the chunk of the next item.
func (m *Manager) load(t *task) error {
	if n := t.next / chunkSize; t.chunk == nil || t.number != n {
		c, err := m.chunk(m.stopping, t.id, n)
		if err != nil {
			return err
		}
		t.number, t.chunk = n, c
	}
	return nil
}

// flush writes what became of items, and what change makes of the record. It does
// nothing where another process holds the bulk by now.
func (m *Manager) flush(ctx context.Context, t *task, change func(*record)) error {
	for range maxTries {
		rec, data, err := m.read(ctx, t.id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.Lease != m.lease.ID() {
			return nil
		}
		next := *rec
		if next.Reasons = maps.Clone(rec.Reasons); next.Reasons == nil {
			next.Reasons = map[sdk.Code]int{}
		}
		ops := []state.Op{m.lease.Fence()}
		var items []storedItem
		if len(t.unwritten) > 0 {
			first := t.next - len(t.unwritten)
			c := chunk{Version: formatVersion, Items: slices.Clone(t.chunk.Items)}
			for i, item := range t.unwritten {
				c.Items[(first+i)%chunkSize] = item
				next.Counts.count(item, next.Reasons)
			}
			next.Next = t.next
			ops = append(ops, state.Replace(layout.BucketBulkChunk, chunkID(t.id, t.number), encode(c)))
			items = c.Items
		}
		change(&next)
		again, err := m.commit(ctx, engine.Once{}, append(ops, rec.replaceOps(data, &next)...))
		if again {
			continue
		}
		if err != nil {
			return err
		}
		if items != nil {
			t.chunk.Items = items
		}
		t.unwritten, t.flushed = nil, time.Now()
		return nil
	}
	return ErrBusy
}

// count adds an item's result.
func (c *Counts) count(item storedItem, reasons map[sdk.Code]int) {
	switch item.Result {
	case ResultDone:
		c.Done++
		return
	case ResultSkipped:
		c.Skipped++
	default:
		c.Failed++
	}
	reasons[item.Code]++
}
