package state

import (
	"errors"
	"fmt"
)

// MaxValue is the largest value of a record or journal entry in bytes. It keeps
// one commit from exhausting what others share: a transaction, a socket, memory.
const MaxValue = 64 << 20

// ErrInvalid is matched by the error for ops and reads that no store can carry
// out: an error of the caller, found before anything reaches the store.
var ErrInvalid = errors.New("invalid use of state store")

// Validate returns an error for the first op that no store can apply. Every store calls it
// before anything else.
func Validate(ops []Op) error {
	for i := range ops {
		if err := ops[i].validate(); err != nil {
			return fmt.Errorf("state: op %d: %w: %w", i, ErrInvalid, err)
		}
	}
	return nil
}

func (o *Op) validate() error {
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
	case len(o.Value) > MaxValue:
		return fmt.Errorf("value of %d bytes, the most is %d", len(o.Value), MaxValue)
	}
	return nil
}
