package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/internal/group"
)

// batchLimits bound one transaction: how long its callers wait for each other,
// and how far the log grows between two checkpoints.
var batchLimits = group.Limits{Commits: 512, Bytes: 8 << 20}

// writer owns the connection that writes. All its methods but newWriter and
// close belong to its goroutine.
type writer struct {
	c      *conn
	now    func() time.Time
	logger *slog.Logger
	every  time.Duration
	files  *identity
	gone   error // why nothing is written at present: the files are not ours any more

	begin, commit, rollback *stmt
	records                 recordStmts
	journals                journalStmts
	sets                    setStmts
	timers                  timerStmts

	known memo
}

func newWriter(c *conn, files *identity, o Options) (*writer, error) {
	w := &writer{c: c, files: files, now: o.Now, logger: o.Logger, every: o.sweepEvery}
	var err error
	prepare := func(query string) *stmt {
		if err != nil {
			return nil
		}
		var s *stmt
		s, err = c.prepare(query)
		return s
	}
	w.begin = prepare("BEGIN IMMEDIATE")
	w.commit = prepare("COMMIT")
	w.rollback = prepare("ROLLBACK")
	w.records = recordStmts{
		expiry: prepare("SELECT expires FROM record WHERE bucket = ? AND id = ?"),
		value:  prepare("SELECT value, expires FROM record WHERE bucket = ? AND id = ?"),
		put: newRows(prepare, "INSERT INTO record (bucket, id, value, expires)", 4,
			" ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires"),
		replace:  prepare("UPDATE record SET value = ? WHERE bucket = ? AND id = ?"),
		greatest: prepare("SELECT max(id) FROM record WHERE bucket = ?"),
		del:      prepare("DELETE FROM record WHERE bucket = ? AND id = ?"),
	}
	w.journals = journalStmts{
		last:     prepare("SELECT max(number) FROM entry"),
		greatest: prepare("SELECT max(id) FROM entry WHERE id IS NOT NULL"),
		number:   prepare("SELECT number FROM entry WHERE id = ?"),
		length:   prepare("SELECT count(*) FROM entry WHERE journal = ?"),
		add:      newRows(prepare, "INSERT INTO entry (number, journal, id, value)", 4, ""),
		drop:     prepare("DELETE FROM entry WHERE journal = ?"),
	}
	w.sets = setStmts{
		add: newRows(prepare, "INSERT INTO member (name, member)", 2, " ON CONFLICT DO NOTHING"),
		del: newRows(prepare, "DELETE FROM member WHERE (name, member) IN (", 2, ")"),
	}
	w.timers = timerStmts{
		at: prepare("SELECT at FROM timer WHERE queue = ? AND id = ?"),
		set: prepare(`INSERT INTO timer (queue, id, at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET at = excluded.at`),
		clear: prepare("DELETE FROM timer WHERE queue = ? AND id = ?"),
	}
	return w, err
}

// run writes until the queue is closed.
func (w *writer) run(q *group.Queue) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	var batch []*group.Request
	var answers []error
	for {
		select {
		case first, ok := <-q.Requests():
			if !ok {
				return
			}
			batch = q.Gather(batch[:0], first, batchLimits)
			answers = w.write(batch, answers[:0])
			for i, r := range batch {
				r.Answer(answers[i])
			}
			clear(batch)
			// Those who were answered run first: what they commit next comes
			// into this batch and not the one after it.
			runtime.Gosched()
		case <-tick.C:
			w.look()
			if w.gone == nil {
				w.sweep()
			}
		}
	}
}

// look finds out whether the files are still what their names stand for.
func (w *writer) look() {
	gone := w.files.check()
	switch {
	case gone != nil && w.gone == nil:
		w.logger.Error("nothing is written any more", "error", gone)
	case gone == nil && w.gone != nil:
		w.logger.Info("the state file is back: it is written again")
	}
	w.gone = gone
}

// write puts a batch into one transaction and answers for each request after
// the sync, also for those that conflict: what they conflict with may be in the
// same transaction. When the store fails, nothing of the batch is applied.
func (w *writer) write(batch []*group.Request, answers []error) []error {
	err := w.gone
	if err == nil {
		answers, err = w.transaction(batch, answers)
		if err == nil {
			return answers
		}
		w.abandon()
	}
	err = fmt.Errorf("sqlite: commit: %w: %w", state.ErrUnavailable, err)
	answers = answers[:0]
	for range batch {
		answers = append(answers, err)
	}
	return answers
}

func (w *writer) transaction(batch []*group.Request, answers []error) ([]error, error) {
	if err := w.begin.run(); err != nil {
		return answers, err
	}
	w.known.trim()
	now := w.now()
	for _, r := range batch {
		conflict, err := w.judge(r.Ops, now)
		if err != nil {
			return answers, err
		}
		if conflict >= 0 {
			answers = append(answers, &state.ConflictError{Index: conflict, Op: r.Ops[conflict]})
			continue
		}
		for i := range r.Ops {
			if err := w.apply(&r.Ops[i], now); err != nil {
				return answers, err
			}
		}
		answers = append(answers, nil)
	}
	for _, r := range w.batched() {
		if err := r.flush(); err != nil {
			return answers, err
		}
	}
	return answers, w.commit.run()
}

// batched are the rows that wait for the end of a transaction. What is added to
// a set and what is removed from it are never the same.
func (w *writer) batched() []*rows {
	return []*rows{w.records.put, w.journals.add, w.sets.add, w.sets.del}
}

// abandon ends a transaction that failed. SQLite has rolled back by itself
// after some failures (disk full, I/O), so that ROLLBACK finds none to end: its
// error says nothing.
func (w *writer) abandon() {
	_ = w.rollback.run()
	for _, r := range w.batched() {
		r.forget()
	}
	w.known.forget()
}

func (w *writer) close() error {
	stmts := []*stmt{
		w.begin, w.commit, w.rollback,
		w.records.greatest, w.records.expiry, w.records.value, w.records.replace, w.records.del,
		w.journals.last, w.journals.greatest, w.journals.number, w.journals.length, w.journals.drop,
		w.timers.at, w.timers.set, w.timers.clear,
	}
	for _, r := range w.batched() {
		stmts = append(stmts, r.stmts[:]...)
	}
	var errs []error
	for _, s := range stmts {
		errs = append(errs, s.s.Close())
	}
	return errors.Join(append(errs, w.c.close())...)
}
