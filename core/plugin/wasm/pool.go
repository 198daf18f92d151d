package wasm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// pool bounds the guests of an instance and keeps the idle ones. A slot is the right
// to use one guest.
type pool struct {
	slots chan struct{}
	// closing is closed when acquire fails from now on.
	closing chan struct{}
	once    sync.Once
	// failed is called with the error of a guest that could not be closed.
	failed func(error)

	// timer calls shrink, which holds shrinking.
	timer     *time.Timer
	shrinking sync.Mutex

	mu           sync.Mutex // guards what follows
	idle         []*guest   // the one used last is at the end, and used first: it is warm
	busy         map[*guest]struct{}
	timerRunning bool
}

// idleTimeout is how long a guest is idle before it is closed, unless it is the only
// one.
const idleTimeout = time.Minute

var (
	errPoolClosed = errors.New("the plugin is being stopped")
	errNoGuest    = errors.New("no guest was free in time")
)

func newPool(size int, failed func(error)) *pool {
	p := &pool{slots: make(chan struct{}, size), closing: make(chan struct{}), failed: failed, busy: make(map[*guest]struct{})}
	p.timer = time.AfterFunc(idleTimeout, p.shrink)
	p.timer.Stop()
	return p
}

// acquire waits for a slot until ctx ends or the deadline passes. A zero deadline is
// none.
func (p *pool) acquire(ctx context.Context, deadline time.Time) error {
	select {
	case <-p.closing:
		return errPoolClosed
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	select {
	case <-p.closing:
		return errPoolClosed
	case <-ctx.Done():
		return errNoGuest
	case p.slots <- struct{}{}:
		return nil
	}
}

func (p *pool) release() { <-p.slots }

// get returns an idle guest, nil if none exists.
func (p *pool) get() *guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	g := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	p.busy[g] = struct{}{}
	return g
}

// add adds a new guest, which is busy.
func (p *pool) add(g *guest) {
	p.mu.Lock()
	p.busy[g] = struct{}{}
	p.mu.Unlock()
}

// put makes a guest idle, or closes it if it is broken.
func (p *pool) put(g *guest) {
	// Once it is idle, another call may use it and break it.
	broken := g.broken
	p.mu.Lock()
	delete(p.busy, g)
	if !broken {
		g.idleSince = time.Now()
		p.idle = append(p.idle, g)
		if len(p.idle) > 1 && !p.timerRunning {
			p.timerRunning = true
			p.timer.Reset(idleTimeout)
		}
	}
	p.mu.Unlock()
	if broken {
		p.end(g)
	}
}

// end closes a guest. Its call has returned already, so that an error is only logged.
func (p *pool) end(g *guest) {
	if err := g.close(); err != nil {
		p.failed(err)
	}
}

// shrink closes the guests that have been idle for idleTimeout, except one.
func (p *pool) shrink() {
	p.shrinking.Lock()
	defer p.shrinking.Unlock()
	select {
	case <-p.closing:
		return
	default:
	}
	p.mu.Lock()
	now, n := time.Now(), 0
	for n < len(p.idle)-1 && now.Sub(p.idle[n].idleSince) >= idleTimeout {
		n++
	}
	unused := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	if p.timerRunning = len(p.idle) > 1; p.timerRunning {
		p.timer.Reset(idleTimeout - now.Sub(p.idle[0].idleSince))
	}
	p.mu.Unlock()
	for _, g := range unused {
		p.end(g)
	}
}

// close closes all guests: idle ones at once, the others when their call has ended.
// Calls that take longer than drainTimeout are interrupted. close returns when no
// guest is left, or with ctx's error when ctx ends while a guest with a soft deadline
// goes on.
func (p *pool) close(ctx context.Context, drainTimeout time.Duration, soft bool) error {
	p.once.Do(func() { close(p.closing) })
	p.timer.Stop()
	p.shrinking.Lock()   // wait for a shrink in progress; no other begins
	p.shrinking.Unlock() //nolint:staticcheck // the lock is only waited for
	gentle, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	acquired := p.drain(gentle, 0)
	if acquired < cap(p.slots) {
		p.mu.Lock()
		for g := range p.busy {
			g.interrupt()
		}
		p.mu.Unlock()
		// A guest that can be interrupted ends soon, whatever ctx says.
		last := ctx
		if !soft {
			last = context.WithoutCancel(ctx)
		}
		acquired = p.drain(last, acquired)
	}
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var err error
	for _, g := range idle {
		err = errors.Join(err, g.close())
	}
	if acquired < cap(p.slots) {
		err = errors.Join(err, errors.New("a call does not end, and the deadline of the plugin is soft"), ctx.Err())
	}
	return err
}

// drain acquires slots until it has all of them or ctx ends. It returns how many it
// has.
func (p *pool) drain(ctx context.Context, acquired int) int {
	for ; acquired < cap(p.slots); acquired++ {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return acquired
		}
	}
	return acquired
}
