package state

import (
	"errors"
	"fmt"
)

const (
	// MaxValue is the largest value of a record or journal entry in bytes. It keeps
	// one commit from exhausting what others share: a transaction, a socket, memory.
	// A commit with a larger one is refused.
	MaxValue = 64 << 20
	// MaxCommit is how many bytes all values of a commit may have. A larger commit
	// is refused.
	MaxCommit = 256 << 20
)

// Limits bound what a store takes in one commit.
type Limits struct {
	// Value is the largest value of a record or journal entry in bytes, and Commit
	// what all values of a commit may have together.
	Value, Commit int
}

// DefaultLimits are those of a store with no narrower ones.
var DefaultLimits = Limits{Value: MaxValue, Commit: MaxCommit}

// Limited is a store with narrower limits than DefaultLimits.
type Limited interface {
	Limits() Limits
}

// LimitsOf returns the limits of a store.
func LimitsOf(store Store) Limits {
	if limited, ok := store.(Limited); ok {
		return limited.Limits()
	}
	return DefaultLimits
}

// Validate returns a *RefusedError for a commit that the store cannot apply, now or
// later. Every store calls it before anything else.
func (l Limits) Validate(ops []Op) error {
	total := 0
	for i := range ops {
		if err := ops[i].validate(l.Value); err != nil {
			return &RefusedError{Index: i, Op: ops[i], Reason: err.Error()}
		}
		total += len(ops[i].Value)
	}
	if total > l.Commit {
		return &RefusedError{Index: -1, Reason: fmt.Sprintf("a commit of %d bytes, the most is %d", total, l.Commit)}
	}
	return nil
}

func (o *Op) validate(maxValue int) error {
	switch o.Kind {
	case KindInsert, KindPut, KindReplace, KindDelete, KindRequire, KindRequireValue, KindAdd,
		KindRemove, KindSetTimer, KindClearTimer, KindRequireDue:
		if o.Space == "" {
			return errors.New("empty bucket, set or queue")
		}
	case KindAppend, KindDropJournal:
		if o.Space != "" {
			return errors.New("a journal has no bucket")
		}
	default:
		return fmt.Errorf("unknown kind %d", o.Kind)
	}
	switch {
	case o.ID == "":
		return errors.New("empty id")
	case o.TTL < 0:
		return errors.New("negative time to live")
	case o.Seq < 0:
		return errors.New("negative sequence number")
	case len(o.Value) > maxValue:
		return fmt.Errorf("a value of %d bytes, the most is %d", len(o.Value), maxValue)
	}
	return nil
}
