package gateway

import "sync"

// limiter has a number of places. A request that finds none fails at once instead
// of queueing, because a queue would grow under overload.
//
// Each holder has a share. It binds only when three quarters of the places are
// taken: then a holder that has as many places as are still free gets no further
// one (dynamic thresholds of Choudhury and Hahne, 1998). So one holder alone has
// three quarters at most, several that want all of them end with equal parts, and
// one that has no place yet finds one. A limiter is safe for concurrent use.
type limiter struct {
	size int

	mu    sync.Mutex // guards the fields below
	taken int
	held  map[string]int // places by holder, without those that have none
}

func newLimiter(size int) *limiter { return &limiter{size: size, held: map[string]int{}} }

// tryAcquire takes a place for a holder. It returns false where none is free, or
// the holder has its share.
func (l *limiter) tryAcquire(holder string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.admits(holder) {
		return false
	}
	l.taken++
	l.held[holder]++
	return true
}

// hasPlace reports whether tryAcquire would return true now.
func (l *limiter) hasPlace(holder string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.admits(holder)
}

// admits is hasPlace under the lock.
func (l *limiter) admits(holder string) bool {
	return l.taken < l.size && (!sharesBind(l.taken, l.size) || l.held[holder] < l.size-l.taken)
}

// release gives back a place of a holder.
func (l *limiter) release(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	if l.held[holder]--; l.held[holder] == 0 {
		delete(l.held, holder)
	}
}

// inUse returns how many places are taken.
func (l *limiter) inUse() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// sharesBind reports whether a pool is so full that shares bind: three quarters.
func sharesBind(taken, size int) bool { return 4*taken >= 3*size }
