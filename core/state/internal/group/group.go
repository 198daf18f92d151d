// Package group is the queue before a store's writer: many goroutines hand in
// commits, one or a few writers take as many as wait and answer each. Nobody
// waits for more callers to come: what gathers is what came during the last
// write.
//
// It knows state.Op and nothing of how a store writes.
package group

import (
	"context"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Request is one commit that waits for its answer.
type Request struct {
	Ops []state.Op
	// At is when the request was made, for a writer that gives up after a time.
	At time.Time

	size   int
	answer chan error
}

// Answer ends the request. It must be called once, and the request is not to be
// used after it.
func (r *Request) Answer(err error) { r.answer <- err }

// Limits bound what one batch holds.
type Limits struct {
	Commits int
	// Bytes is the size of the ids and values; a single commit may exceed it.
	Bytes int
}

// Queue is a bounded queue of requests and the gate that everything passes
// which must be over before a store closes. It is safe for concurrent use.
type Queue struct {
	requests chan *Request

	mu     sync.RWMutex // guards closed
	closed bool
	inside sync.WaitGroup
}

// New makes a queue for at most capacity waiting commits; further callers
// block until there is room or their context ends.
func New(capacity int) *Queue {
	return &Queue{requests: make(chan *Request, capacity)}
}

// Enter announces a call. When it returns nil, Leave must follow.
func (q *Queue) Enter() error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return state.ErrClosed
	}
	q.inside.Add(1)
	return nil
}

// Leave ends a call that Enter let in.
func (q *Queue) Leave() { q.inside.Done() }

// Commit checks ops, hands them to a writer and waits for the answer. It
// fulfils what state.Store says about contexts.
func (q *Queue) Commit(ctx context.Context, ops []state.Op) error {
	if err := q.Enter(); err != nil {
		return err
	}
	defer q.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := state.Validate(ops); err != nil {
		return err
	}
	if len(ops) == 0 {
		return nil
	}
	r := requests.Get().(*Request)
	r.Ops, r.At, r.size = ops, time.Now(), size(ops)
	defer func() {
		r.Ops = nil
		requests.Put(r)
	}()
	select {
	case q.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-r.answer
}

// requests keeps requests for reuse. One that was handed over comes back with
// its answer, after which the writer does not touch it.
var requests = sync.Pool{New: func() any { return &Request{answer: make(chan error, 1)} }}

func size(ops []state.Op) int {
	n := 0
	for i := range ops {
		n += len(ops[i].Space) + len(ops[i].ID) + len(ops[i].Value)
	}
	return n
}

// Requests is where a writer waits for the first commit of a batch. It is
// closed by Close.
func (q *Queue) Requests() <-chan *Request { return q.requests }

// Gather adds to a batch that begins with first what waits already, in order,
// as far as limits allow.
func (q *Queue) Gather(batch []*Request, first *Request, limits Limits) []*Request {
	batch = append(batch, first)
	bytes := first.size
	for len(batch) < limits.Commits && bytes < limits.Bytes {
		select {
		case r, ok := <-q.requests:
			if !ok {
				return batch
			}
			batch = append(batch, r)
			bytes += r.size
		default:
			return batch
		}
	}
	return batch
}

// Close refuses new calls, waits for those inside, and ends the writers. It
// reports whether this call was the one that closed the queue.
func (q *Queue) Close() bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.closed = true
	q.mu.Unlock()
	q.inside.Wait()
	close(q.requests)
	return true
}
