package sqlite

import (
	"database/sql/driver"

	"github.com/backflow/backflow/core/state"
)

type journalStmts struct {
	last, greatest, number, length, drop *stmt
	add                                  *rows
}

// journal is what the cache holds of a journal: its number, 0 if it has no entry
// yet, and how many entries it has.
type journal struct {
	number int64
	length int
}

// journal looks a journal up. One whose entries are still pending is always in the
// cache.
func (w *writer) journal(id string) (journal, error) {
	if j, found := w.cache.journals[id]; found {
		return j, nil
	}
	var j journal
	if isNew, err := w.newJournal(id); isNew || err != nil {
		return j, err
	}
	row, err := w.journals.number.first(id)
	if err != nil {
		return j, err
	}
	if row != nil {
		j.number = row[0].(int64)
		if row, err = w.journals.length.first(j.number); err != nil {
			return j, err
		}
		j.length = int(row[0].(int64))
	}
	w.cache.setJournal(id, j)
	return j, nil
}

// newJournal reports whether an id is greater than those of all journals.
func (w *writer) newJournal(id string) (bool, error) {
	if w.cache.greatestJournal == nil {
		row, err := w.journals.greatest.first()
		if err != nil {
			return false, err
		}
		greatest, _ := row[0].(string) // NULL: there is none
		w.cache.greatestJournal = &greatest
	}
	return id > *w.cache.greatestJournal, nil
}

// follows reports whether the journal has as many entries as the i-th op demands,
// counting the appends before it in the commit.
func (w *writer) follows(ops []state.Op, i int) (bool, error) {
	j, err := w.journal(ops[i].ID)
	if err != nil {
		return false, err
	}
	length := j.length
	for k := range ops[:i] {
		if ops[k].Kind == state.KindAppend && ops[k].ID == ops[i].ID {
			length++
		}
	}
	return length == ops[i].Seq, nil
}

// append adds an entry. Numbers of entries only grow, so that they order the
// entries of a journal. A number is used again only after the last journal of all
// was dropped.
func (w *writer) append(id string, value []byte) error {
	j, err := w.journal(id)
	if err != nil {
		return err
	}
	if w.cache.last == 0 {
		row, err := w.journals.last.first()
		if err != nil {
			return err
		}
		w.cache.last, _ = row[0].(int64) // NULL: there is none
	}
	w.cache.last++
	var first driver.Value // the id, of a first entry
	if j.number == 0 {
		j.number, first = w.cache.last, id
		w.cache.journalAdded(id)
	}
	j.length++
	w.cache.setJournal(id, j)
	return w.journals.add.add(w.cache.last, j.number, first, value)
}

// drop removes a journal.
func (w *writer) drop(id string) error {
	j, err := w.journal(id)
	if err != nil || j.number == 0 {
		return err
	}
	w.cache.dropJournal(id)
	if err := w.journals.add.flush(); err != nil {
		return err
	}
	return w.journals.drop.run(j.number)
}
