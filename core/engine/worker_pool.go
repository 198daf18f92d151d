package engine

import (
	"sync"
	"time"
)

// idleTimeout is how long a goroutine of the crew waits for more work.
const idleTimeout = 5 * time.Second

// crew runs calls, and the work on runs between them, on goroutines that are
// used again. A new goroutine has a small stack; the check of params and an HTTP
// request make it grow, which costs more than either check or start. As many
// goroutines as are needed at once are there, and they go when they are not
// needed any more.
type workerPool struct {
	work    chan func()
	over    <-chan struct{} // closed when nobody is to wait for work any more
	workers sync.WaitGroup
}

func newWorkerPool(over <-chan struct{}) *workerPool {
	return &workerPool{work: make(chan func()), over: over}
}

// do runs f on a goroutine of the crew. It does not wait for it.
func (c *workerPool) do(f func()) {
	select {
	case c.work <- f: // somebody is idle
	default:
		c.workers.Go(func() { c.worker(f) })
	}
}

func (c *workerPool) worker(f func()) {
	idle := time.NewTimer(idleTimeout)
	defer idle.Stop()
	for {
		f()
		f = nil // what is done is not kept alive by waiting
		idle.Reset(idleTimeout)
		select {
		case f = <-c.work:
		case <-idle.C:
			return
		case <-c.over:
			return
		}
	}
}

// wait waits for the goroutines of a crew that is over and has nothing to do.
func (c *workerPool) wait() { c.workers.Wait() }
