package engine

import (
	"sync"
	"time"
)

// idleTimeout is how long a worker waits for more work before it ends.
const idleTimeout = 5 * time.Second

// workerPool runs calls, and the work on runs between them, on goroutines that
// are reused. A new goroutine has a small stack; the check of params and an HTTP
// request make it grow, which costs more than either check or start. The pool has
// as many workers as are needed at once, and they end when they are not needed
// any more.
type workerPool struct {
	work    chan func()
	stopped <-chan struct{} // closed when idle workers are to end
	workers sync.WaitGroup
}

func newWorkerPool(stopped <-chan struct{}) *workerPool {
	return &workerPool{work: make(chan func()), stopped: stopped}
}

// do runs f on a worker. It does not wait for it.
func (p *workerPool) do(f func()) {
	select {
	case p.work <- f: // a worker is idle
	default:
		p.workers.Go(func() { p.worker(f) })
	}
}

func (p *workerPool) worker(f func()) {
	idle := time.NewTimer(idleTimeout)
	defer idle.Stop()
	for {
		f()
		f = nil // what is done is not kept alive by waiting
		idle.Reset(idleTimeout)
		select {
		case f = <-p.work:
		case <-idle.C:
			return
		case <-p.stopped:
			return
		}
	}
}

// wait waits for the workers of a pool that is stopped and has no work.
func (p *workerPool) wait() { p.workers.Wait() }
