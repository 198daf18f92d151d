package sqlite

import (
	"database/sql/driver"
	"time"

	"github.com/backflow/backflow/core/state"
)

type (
	recordStmts struct {
		greatest, expiry, value, replace, del *stmt
		put                                   *rows
	}
	setStmts   struct{ add, del *rows }
	timerStmts struct{ at, set, clear *stmt }
)

// firstConflict returns the index of the first condition of a commit that does not
// hold, before any op of it has been applied; -1 if all hold.
func (w *writer) firstConflict(ops []state.Op, now time.Time) (int, error) {
	ms := now.UnixMilli()
	for i := range ops {
		op := &ops[i]
		var holds bool
		var err error
		switch op.Kind {
		case state.KindInsert:
			holds, err = w.exists(op, ms)
			holds = !holds
		case state.KindReplace:
			holds, err = w.exists(op, ms)
		case state.KindRequire:
			holds, err = w.required(op, ms)
		case state.KindRequireValue:
			holds, err = w.equals(op, ms)
		case state.KindAppend:
			holds, err = w.follows(ops, i)
		case state.KindRequireDue:
			holds, err = w.due(op, ms)
		default:
			holds = true
		}
		if err != nil {
			return -1, err
		}
		if !holds {
			return i, nil
		}
	}
	return -1, nil
}

// exists reports whether there is a record that has not expired.
func (w *writer) exists(op *state.Op, now int64) (bool, error) {
	if isNew, err := w.newRecord(op); isNew || err != nil {
		return false, err
	}
	if err := w.records.put.flushIfPending(op.Space, op.ID); err != nil {
		return false, err
	}
	row, err := w.records.expiry.first(op.Space, op.ID)
	if err != nil || row == nil {
		return false, err
	}
	return alive(row[0], now), nil
}

// newRecord reports whether a record's id is greater than all of its bucket.
func (w *writer) newRecord(op *state.Op) (bool, error) {
	greatest, found := w.cache.greatest[op.Space]
	if !found {
		if err := w.records.put.flush(); err != nil {
			return false, err
		}
		row, err := w.records.greatest.first(op.Space)
		if err != nil {
			return false, err
		}
		greatest, _ = row[0].(string) // NULL: there is none
		if w.cache.greatest == nil {
			w.cache.greatest = map[string]string{}
		}
		w.cache.greatest[op.Space] = greatest
	}
	return op.ID > greatest, nil
}

// required is exists with a cache: the lease that each commit names is queried
// once, not each time.
func (w *writer) required(op *state.Op, now int64) (bool, error) {
	ref := state.Ref{Bucket: op.Space, ID: op.ID}
	if expires, found := w.cache.records[ref]; found {
		return expires > now, nil
	}
	if err := w.records.put.flushIfPending(op.Space, op.ID); err != nil {
		return false, err
	}
	row, err := w.records.expiry.first(op.Space, op.ID)
	if err != nil || row == nil {
		return false, err
	}
	expires, limited := row[0].(int64)
	if !limited {
		expires = forever
	}
	w.cache.setRecord(ref, expires)
	return expires > now, nil
}

// equals reports whether a record exists and holds exactly the value of the op.
func (w *writer) equals(op *state.Op, now int64) (bool, error) {
	if err := w.records.put.flushIfPending(op.Space, op.ID); err != nil {
		return false, err
	}
	row, err := w.records.value.first(op.Space, op.ID)
	if err != nil || row == nil || !alive(row[1], now) {
		return false, err
	}
	value, _ := row[0].([]byte) // NULL is an empty value
	return string(value) == string(op.Value), nil
}

// due reports whether a timer exists and its time has come.
func (w *writer) due(op *state.Op, now int64) (bool, error) {
	row, err := w.timers.at.first(op.Space, op.ID)
	if err != nil || row == nil {
		return false, err
	}
	return row[0].(int64) <= now, nil
}

// alive reports whether a record's expiry is still to come. NULL means no expiry.
func alive(expires driver.Value, now int64) bool {
	at, limited := expires.(int64)
	return !limited || at > now
}

// apply makes the change of an op. A pure condition changes nothing.
func (w *writer) apply(op *state.Op, now time.Time) error {
	switch op.Kind {
	case state.KindInsert, state.KindPut:
		w.cache.recordAdded(op.Space, op.ID)
		var expires driver.Value
		if op.TTL > 0 {
			expires = now.UnixMilli() + state.Millis(op.TTL)
		}
		return w.records.put.add(op.Space, op.ID, op.Value, expires)
	case state.KindReplace:
		if err := w.records.put.flushIfPending(op.Space, op.ID); err != nil {
			return err
		}
		return w.records.replace.run(op.Value, op.Space, op.ID)
	case state.KindDelete:
		w.cache.dropRecord(state.Ref{Bucket: op.Space, ID: op.ID})
		if err := w.records.put.flushIfPending(op.Space, op.ID); err != nil {
			return err
		}
		return w.records.del.run(op.Space, op.ID)
	case state.KindAdd:
		if err := w.sets.del.flushIfPending(op.Space, op.ID); err != nil {
			return err
		}
		return w.sets.add.add(op.Space, op.ID)
	case state.KindRemove:
		if err := w.sets.add.flushIfPending(op.Space, op.ID); err != nil {
			return err
		}
		return w.sets.del.add(op.Space, op.ID)
	case state.KindAppend:
		return w.append(op.ID, op.Value)
	case state.KindDropJournal:
		return w.drop(op.ID)
	case state.KindSetTimer:
		return w.timers.set.run(op.Space, op.ID, op.DueMillis(now))
	case state.KindClearTimer:
		return w.timers.clear.run(op.Space, op.ID)
	default:
		return nil
	}
}
