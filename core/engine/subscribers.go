package engine

import (
	"slices"
	"sync"

	"github.com/backflow/backflow/core/wakeup"
)

// subscribers are the goroutines of this process that wait for the end of a run,
// or for a change in it. It is safe for concurrent use.
type subscribers struct {
	mu      sync.Mutex                 // guards the fields below
	ends    map[string][]chan Run      // by run id
	changes map[string][]wakeup.Wakeup // by run id
}

func newSubscribers() *subscribers {
	return &subscribers{ends: make(map[string][]chan Run), changes: make(map[string][]wakeup.Wakeup)}
}

// awaitEnd returns a channel that gets the run when its end is announced. The
// caller ends it by cancel.
func (s *subscribers) awaitEnd(id string) (ended <-chan Run, cancel func()) {
	c := make(chan Run, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[id] = append(s.ends[id], c)
	return c, func() { remove(&s.mu, s.ends, id, c) }
}

// announce sends the end of a run to those that wait for it. The view is made
// only if there are any.
func (s *subscribers) announce(id string, view func() Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends[id]) == 0 {
		return
	}
	run := view()
	for _, c := range s.ends[id] {
		select {
		case c <- run:
		default: // it has an earlier announcement
		}
	}
}

// watch returns a wakeup for changes in the run. The caller ends it by cancel.
func (s *subscribers) watch(id string) (changed wakeup.Wakeup, cancel func()) {
	w := wakeup.New()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[id] = append(s.changes[id], w)
	return w, func() { remove(&s.mu, s.changes, id, w) }
}

// changed wakes the goroutines that watch the run.
func (s *subscribers) changed(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.changes[id] {
		w.Wake()
	}
}

// remove removes a subscription from those of a run.
func remove[C comparable](mu *sync.Mutex, all map[string][]C, id string, c C) {
	mu.Lock()
	defer mu.Unlock()
	left := slices.DeleteFunc(all[id], func(other C) bool { return other == c })
	if len(left) == 0 {
		delete(all, id)
		return
	}
	all[id] = left
}
