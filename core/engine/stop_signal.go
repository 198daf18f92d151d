package engine

import "sync"

// stopSignal says to loops, calls and workers that they are to end.
type stopSignal struct {
	stopping chan struct{} // closed by stop
	once     sync.Once
}

func newStopSignal() *stopSignal { return &stopSignal{stopping: make(chan struct{})} }

// signalStop says that they are to end. It may be called again.
func (s *stopSignal) signalStop() { s.once.Do(func() { close(s.stopping) }) }

// isStopping reports whether signalStop was called.
func (s *stopSignal) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
