// Package groupcommit is the queue before a store's writer. Many goroutines hand
// in commits; one or a few writers take as many as wait and complete each.
// A writer never waits for more commits to come: a batch holds what came during
// the last write.
//
// The package imports core/state. It knows nothing of how a store writes.
package groupcommit

import (
	"context"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Request is one commit that waits for its result.
type Request struct {
	Ops []state.Op
	// At is when the request was made, for a writer that gives up after a time.
	At time.Time

	size int
	done chan error
}

// Complete ends the request with its result. It must be called once; the request
// must not be used after it.
func (r *Request) Complete(err error) { r.done <- err }

// Limits bound what one batch holds.
type Limits struct {
	Commits int
	// Bytes is the size of the ids and values; a single commit may exceed it.
	Bytes int
}

// Queue is a bounded queue of requests. It also counts the calls that must be
// over before a store closes. It is safe for concurrent use.
type Queue struct {
	requests chan *Request
	limits   state.Limits // of one commit

	mu     sync.RWMutex // guards closed
	closed bool
	calls  sync.WaitGroup
}

// New makes a queue for at most capacity waiting commits; further callers
// block until there is room or their context ends. Commits over limits are refused.
func New(capacity int, limits state.Limits) *Queue {
	return &Queue{requests: make(chan *Request, capacity), limits: limits}
}

// Enter announces a call. When it returns nil, Leave must follow.
func (q *Queue) Enter() error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return state.ErrClosed
	}
	q.calls.Add(1)
	return nil
}

// Leave ends a call that Enter let in.
func (q *Queue) Leave() { q.calls.Done() }

// Commit checks ops, hands them to a writer and waits for the result. It treats
// contexts as state.Store says.
func (q *Queue) Commit(ctx context.Context, ops []state.Op) error {
	if err := q.Enter(); err != nil {
		return err
	}
	defer q.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.limits.Validate(ops); err != nil {
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
	return <-r.done
}

// requests keeps requests for reuse. The writer does not touch a request after
// its result.
var requests = sync.Pool{New: func() any { return &Request{done: make(chan error, 1)} }}

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

// Gather returns a batch of first and the requests that wait already, in order,
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

// Close refuses new calls, waits for the calls under way, and ends the writers. It
// reports whether this call was the one that closed the queue.
func (q *Queue) Close() bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.closed = true
	q.mu.Unlock()
	q.calls.Wait()
	close(q.requests)
	return true
}
