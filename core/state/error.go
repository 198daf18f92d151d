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
	// ErrCorrupt is matched by the error of a read of something that the store holds
	// in a form in which no layer writes it. Nothing helps but to mend it.
	ErrCorrupt = errors.New("what is stored was not written by Backflow")
	// ErrClosed is returned by a closed store.
	ErrClosed = errors.New("state store is closed")
	// ErrInvalid is matched by the error for ops and reads that the store cannot
	// carry out, now or later: an error of the caller, found before anything reaches
	// the store.
	ErrInvalid = errors.New("invalid use of state store")
)

// RefusedError says that the store does not take a commit, however often it is
// made: a value or the whole is too large, or an op is not valid. Nothing of the commit
// was applied. It matches ErrInvalid.
type RefusedError struct {
	// Index is the position of the first op at fault among those given to Commit;
	// -1 where all of them together are.
	Index int
	Op    Op
	// Reason says what is wrong, without any value.
	Reason string
}

// Error names the op without its value.
func (e *RefusedError) Error() string {
	if e.Index < 0 {
		return "state: refused: " + e.Reason
	}
	return fmt.Sprintf("state: op %d (%s %s) is refused: %s", e.Index, e.Op.Space, e.Op.ID, e.Reason)
}

// Is reports whether target is ErrInvalid.
func (e *RefusedError) Is(target error) bool { return target == ErrInvalid }

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
