package process

import (
	"errors"
	"runtime"
	"sync"
)

// errClosed is the error of a launch after the launcher was closed.
var errClosed = errors.New("the launcher is closed")

// forkThread is one operating system thread that starts all children. Linux sends
// the parent-death signal when the thread that forked ends, not when the process
// does. The Go runtime may end any thread, except one that a goroutine has locked.
type forkThread struct {
	work chan func()
	quit chan struct{}
	once sync.Once
	done chan struct{}
}

func newForkThread() *forkThread {
	t := &forkThread{work: make(chan func()), quit: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

func (t *forkThread) run() {
	defer close(t.done)
	runtime.LockOSThread()
	// If it is unlocked before the goroutine ends, the thread does not end, but
	// lives on in the runtime's pool.
	defer runtime.UnlockOSThread()
	for {
		select {
		case work := <-t.work:
			work()
		case <-t.quit:
			return
		}
	}
}

// do runs work on the thread and returns its error.
func (t *forkThread) do(work func() error) error {
	result := make(chan error, 1)
	select {
	case t.work <- func() { result <- work() }:
		return <-result
	case <-t.quit:
		return errClosed
	}
}

// close ends the goroutine and waits for it. It is safe to call twice.
func (t *forkThread) close() {
	t.once.Do(func() { close(t.quit) })
	<-t.done
}
