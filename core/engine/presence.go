package engine

import (
	"maps"
	"sync"

	"github.com/backflow/backflow/core/workflow"
)

// presence is how a run is counted: by the label of its workflow, and its status.
type presence struct {
	workflow string
	status   workflow.RunStatus
}

// presences count the runs that this process works on. It is safe for concurrent
// use.
type presences struct {
	mu    sync.Mutex // guards count
	count map[presence]int
}

func newPresences() *presences { return &presences{count: map[presence]int{}} }

// move counts a run differently. The zero value is not counted.
func (p *presences) move(from, to presence) {
	if from == to {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if from != (presence{}) {
		if p.count[from]--; p.count[from] == 0 {
			delete(p.count, from)
		}
	}
	if to != (presence{}) {
		p.count[to]++
	}
}

// counts returns how many runs are counted how.
func (p *presences) counts() map[presence]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.count)
}
