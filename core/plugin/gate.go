package plugin

import (
	"context"
	"errors"
	"sync"
)

// errRefused is why a plugin is not configured: the start of all was refused, for a
// reason that the caller of Host.Start has.
var errRefused = errors.New("the start was refused")

// gate keeps plugins from being configured until it is known that they are to run:
// what a plugin is handed it acts upon, and a start that is refused changes nothing.
type gate struct {
	once sync.Once
	// decided is closed once err is set.
	decided chan struct{}
	err     error
}

// decide lets all pass, or none for good. What comes after the first time changes
// nothing.
func (g *gate) decide(err error) {
	g.once.Do(func() {
		g.err = err
		close(g.decided)
	})
}

// pass waits for the decision.
func (g *gate) pass(ctx context.Context) error {
	select {
	case <-g.decided:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
