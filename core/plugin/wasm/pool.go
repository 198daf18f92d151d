package wasm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// pool bounds the guests of an instance and keeps those that rest. A slot is the
// right to have one guest; whoever holds a slot has one or none.
type pool struct {
	slots chan struct{}
	// closing is closed when no guest is to be had any more.
	closing chan struct{}
	once    sync.Once
	// failed is told of a guest that could not be closed.
	failed func(error)

	// timer runs shrink, which holds shrinking.
	timer     *time.Timer
	shrinking sync.Mutex

	mu    sync.Mutex // guards what follows
	idle  []*guest   // the one used last is the last, and used first: it is warm
	busy  map[*guest]struct{}
	armed bool // the timer runs
}

// keepIdle is how long a guest rests before its memory is given back, unless it
// is the only one.
const keepIdle = time.Minute

var (
	errPoolClosed = errors.New("the plugin is being stopped")
	errNoGuest    = errors.New("no guest was free in time")
)

func newPool(size int, failed func(error)) *pool {
	p := &pool{slots: make(chan struct{}, size), closing: make(chan struct{}), failed: failed, busy: make(map[*guest]struct{})}
	p.timer = time.AfterFunc(keepIdle, p.shrink)
	p.timer.Stop()
	return p
}

// enter waits for a slot until ctx ends or the deadline passes.
func (p *pool) enter(ctx context.Context, deadline time.Time) error {
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

func (p *pool) leave() { <-p.slots }

// take answers a guest that rests, nil where there is none.
func (p *pool) take() *guest {
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

// add counts a new guest as busy.
func (p *pool) add(g *guest) {
	p.mu.Lock()
	p.busy[g] = struct{}{}
	p.mu.Unlock()
}

// give takes a guest back: to rest, or, where it is broken, to its end.
func (p *pool) give(g *guest) {
	// Once it rests it is the next one's, which may break it at once.
	broken := g.broken
	p.mu.Lock()
	delete(p.busy, g)
	if !broken {
		g.rests = time.Now()
		p.idle = append(p.idle, g)
		if len(p.idle) > 1 && !p.armed {
			p.armed = true
			p.timer.Reset(keepIdle)
		}
	}
	p.mu.Unlock()
	if broken {
		p.end(g)
	}
}

// end closes a guest. Its call has had its answer: what fails is of interest to
// operators.
func (p *pool) end(g *guest) {
	if err := g.close(); err != nil {
		p.failed(err)
	}
}

// shrink ends the guests that have rested for long, but for one.
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
	for n < len(p.idle)-1 && now.Sub(p.idle[n].rests) >= keepIdle {
		n++
	}
	tired := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	if p.armed = len(p.idle) > 1; p.armed {
		p.timer.Reset(keepIdle - now.Sub(p.idle[0].rests))
	}
	p.mu.Unlock()
	for _, g := range tired {
		p.end(g)
	}
}

// close ends all guests: those that rest at once, the others when their call has
// ended, for which patience is how long they have; then they are interrupted. It
// answers when none is left, or with ctx's error when that ends while a guest
// with a soft deadline goes on.
func (p *pool) close(ctx context.Context, patience time.Duration, soft bool) error {
	p.once.Do(func() { close(p.closing) })
	p.timer.Stop()
	p.shrinking.Lock()   // a shrink that has begun is waited for, no other begins
	p.shrinking.Unlock() //nolint:staticcheck // nothing is to be done in between
	gentle, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	held := p.drain(gentle, 0)
	if held < cap(p.slots) {
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
		held = p.drain(last, held)
	}
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var err error
	for _, g := range idle {
		err = errors.Join(err, g.close())
	}
	if held < cap(p.slots) {
		err = errors.Join(err, errors.New("a call does not end, and the deadline of the plugin is soft"), ctx.Err())
	}
	return err
}

// drain takes slots until it has all of them or ctx ends, and answers how many
// it has.
func (p *pool) drain(ctx context.Context, held int) int {
	for ; held < cap(p.slots); held++ {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return held
		}
	}
	return held
}
