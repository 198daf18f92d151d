package engine

import (
	"errors"

	"github.com/backflow/backflow/core/state"
)

// Swap changes a record in the commit that does what was asked for, if the record is as
// it was read. Its time to live stays. The zero value changes none.
type Swap struct {
	// Bucket and Key name the record.
	Bucket, Key string
	// From is what it was, and To returns what it becomes, given the id of the run that
	// does what was asked for.
	From []byte
	To   func(runID string) []byte
}

// ops returns the ops that change the record. The first is their condition.
func (s Swap) ops(runID string) []state.Op {
	if s.Bucket == "" {
		return nil
	}
	return []state.Op{state.RequireValue(s.Bucket, s.Key, s.From), state.Replace(s.Bucket, s.Key, s.To(runID))}
}

// failed reports whether a commit failed because the record was changed.
func (s Swap) failed(err error) bool {
	lost, ok := errors.AsType[*state.ConflictError](err)
	return ok && s.Bucket != "" && (lost.Failed(state.RequireValue(s.Bucket, s.Key, nil)) || lost.Failed(state.Replace(s.Bucket, s.Key, nil)))
}
