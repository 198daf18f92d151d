package telemetry

import (
	"io"
	"sync"
	"time"
)

const (
	// heldBytes is how many bytes of lines are written at once. POSIX writes so many
	// into a pipe as a whole: what others write into it does not come between.
	heldBytes = 4 << 10
	// holdFor is how long a line is held at most.
	holdFor = 10 * time.Millisecond
)

// Lines is a writer that gathers the lines of a log: under load each would be a system
// call, which takes longer than to make the line. A line is written when so many are
// there as are written at once, when it was held for 10 ms, and with the first that is a
// warning or worse. So a program that is killed loses no more than the last lines of
// level info. It is safe for concurrent use.
type Lines struct {
	mu    sync.Mutex // guards what follows, and writing to w
	w     io.Writer
	held  []byte
	timer *time.Timer // nil before the first line
	armed bool
	ended bool
}

// NewLines returns a writer over another. The caller closes it.
func NewLines(w io.Writer) *Lines { return &Lines{w: w, held: make([]byte, 0, heldBytes)} }

// Write takes whole lines. An error is that of lines that were held before, too.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if len(l.held)+len(p) > heldBytes {
		err = l.flush()
	}
	if len(p) > heldBytes || l.ended {
		_, failed := l.w.Write(p)
		if err == nil {
			err = failed
		}
	} else {
		l.held = append(l.held, p...)
		l.arm()
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is held.
func (l *Lines) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush()
}

// Close writes what is held. Lines that come later are written at once.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.timer != nil {
		l.timer.Stop()
	}
	return l.flush()
}

// flush is Flush under the lock.
func (l *Lines) flush() error {
	if len(l.held) == 0 {
		return nil
	}
	_, err := l.w.Write(l.held)
	l.held = l.held[:0]
	return err
}

// arm has what is held written in time. The timer stays armed when it is written
// before; the lock is held.
func (l *Lines) arm() {
	if l.armed {
		return
	}
	l.armed = true
	if l.timer == nil {
		l.timer = time.AfterFunc(holdFor, l.expire)
	} else {
		l.timer.Reset(holdFor)
	}
}

func (l *Lines) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	// The caller of the logger does not hear of it either: there is nowhere to log it.
	_ = l.flush()
}
