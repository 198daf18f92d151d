package gateway

import (
	linked "container/list"
	"sync"
)

// transfers bounds the bytes that bodies on their way in, or responses on their
// way out, hold in memory. At the bound the slowest are dropped: those that have
// made no progress for longest. Shares bind as in a limiter: once three quarters
// are in use, a holder of several that have more than is still free loses its own
// slowest. A transfers is safe for concurrent use.
type transfers struct {
	limit int

	mu    sync.Mutex // guards the fields below, and those of each transfer
	bytes int
	held  map[string]holding // by holder, without those that have no bytes
	order *linked.List       // of *transfer, the one without progress for longest first
}

func newTransfers(limit int) *transfers {
	return &transfers{limit: limit, held: map[string]holding{}, order: linked.New()}
}

// holding is what a holder has in transfers with bytes.
type holding struct{ bytes, transfers int }

// transfer is one body or response. It belongs to one goroutine; another may drop it.
// The methods of nil, but for grow, do nothing.
type transfer struct {
	pool    *transfers
	holder  string
	limit   int // of the pool, as this transfer sees it
	bytes   int
	drop    func()
	element *linked.Element // nil once it was dropped or has ended
}

// begin adds a transfer that has no bytes yet. A pool whose limit is less than least
// has that limit for this transfer. drop ends the transfer: it must not block, and
// is called once at most, and never after end.
func (p *transfers) begin(holder string, least int, drop func()) *transfer {
	t := &transfer{pool: p, holder: holder, limit: max(p.limit, least), drop: drop}
	p.mu.Lock()
	defer p.mu.Unlock()
	t.element = p.order.PushBack(t)
	return t
}

// grow accounts further bytes, and drops what is slowest where that exceeds the
// bound. It returns false if the transfer itself was dropped, now or before.
func (t *transfer) grow(bytes int) bool {
	p := t.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.element == nil {
		return false
	}
	h := p.held[t.holder]
	if t.bytes == 0 && bytes > 0 {
		h.transfers++
	}
	h.bytes += bytes
	p.held[t.holder] = h
	t.bytes += bytes
	p.bytes += bytes
	for t.element != nil {
		var slowest *transfer
		h := p.held[t.holder]
		switch {
		case sharesBind(p.bytes, t.limit) && h.transfers > 1 && h.bytes > t.limit-p.bytes:
			slowest = p.slowest(func(other *transfer) bool { return other.holder == t.holder })
		case p.bytes > t.limit:
			slowest = p.slowest(func(*transfer) bool { return true })
		default:
			return true
		}
		slowest.remove()
		slowest.drop()
	}
	return false
}

// slowest returns the slowest of the transfers that have bytes and match, at least
// the one that grows.
func (p *transfers) slowest(match func(*transfer) bool) *transfer {
	e := p.order.Front()
	for ; e.Next() != nil; e = e.Next() {
		if t, _ := e.Value.(*transfer); t.bytes > 0 && match(t) {
			break
		}
	}
	t, _ := e.Value.(*transfer)
	return t
}

// progressed notes that the other side has sent or taken something.
func (t *transfer) progressed() {
	if t == nil {
		return
	}
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if t.element != nil {
		t.pool.order.MoveToBack(t.element)
	}
}

// dropped reports whether the transfer was dropped.
func (t *transfer) dropped() bool {
	if t == nil {
		return false
	}
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	return t.element == nil
}

// end takes the transfer out. A second call does nothing.
func (t *transfer) end() {
	if t == nil {
		return
	}
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	t.remove()
}

// remove is end under the lock.
func (t *transfer) remove() {
	if t.element == nil {
		return
	}
	p := t.pool
	p.order.Remove(t.element)
	t.element = nil
	p.bytes -= t.bytes
	if t.bytes == 0 {
		return
	}
	h := p.held[t.holder]
	h.bytes -= t.bytes
	if h.transfers--; h.transfers == 0 {
		delete(p.held, t.holder)
		return
	}
	p.held[t.holder] = h
}

// inUse returns how many bytes are accounted.
func (p *transfers) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}
