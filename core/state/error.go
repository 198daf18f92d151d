package state

import (
	"errors"
	"fmt"
)

var (
	// ErrUnavailable is matched by errors after which the outcome of a commit
	// is unknown, or a read failed: the store cannot be reached, or its disk
	// fails.
	ErrUnavailable = errors.New("state store is unavailable")
	// ErrClosed is returned by a closed store.
	ErrClosed = errors.New("state store is closed")
)

// ConflictError says which condition of a commit did not hold; nothing of the
// commit was applied.
type ConflictError struct {
	// Index is the position of the op among those given to Commit: the first
	// one that failed.
	Index int
	Op    Op
}

// Failed reports whether op is the condition that did not hold: one of the same
// kind about the same record, journal or timer. A caller asks for each condition
// that it knows how to go on from, wherever in the commit it stood.
func (e *ConflictError) Failed(op Op) bool {
	return e.Op.Kind == op.Kind && e.Op.Space == op.Space && e.Op.ID == op.ID
}

// Error names the condition without its value.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("state: condition %d (%s %s) does not hold", e.Index, e.Op.Space, e.Op.ID)
}
