package process

import (
	"runtime"
	"sync"
)

// thread is one operating system thread that starts all children. Linux sends
// the parent-death signal when the thread that forked ends, not the process; the
// Go runtime may end any thread but one that a goroutine has locked.
type thread struct {
	work chan func()
	once sync.Once
	done chan struct{}
}

func newThread() *thread {
	t := &thread{work: make(chan func()), done: make(chan struct{})}
	go t.run()
	return t
}

func (t *thread) run() {
	defer close(t.done)
	runtime.LockOSThread()
	// Unlocked before the goroutine ends, the thread lives on in the runtime's
	// pool instead of ending.
	defer runtime.UnlockOSThread()
	for work := range t.work {
		work()
	}
}

// do runs work on the thread and waits for it. It must not be called after close.
func (t *thread) do(work func()) {
	finished := make(chan struct{})
	t.work <- func() {
		defer close(finished)
		work()
	}
	<-finished
}

func (t *thread) close() {
	t.once.Do(func() { close(t.work) })
	<-t.done
}
