package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/internal/groupcommit"
)

// batchLimits bound one transaction: how long its callers wait for each other,
// and how far the log grows between two checkpoints.
var batchLimits = groupcommit.Limits{Commits: 512, Bytes: 8 << 20}

// writer owns the connection that writes. All its methods but close belong to its
// goroutine.
type writer struct {
	c        *conn
	now      func() time.Time
	logger   *slog.Logger
	every    time.Duration
	files    *identity
	filesErr error // not nil while the files are no longer ours: nothing is written then

	begin, commit, rollback *stmt
	records                 recordStmts
	journals                journalStmts
	sets                    setStmts
	timers                  timerStmts

	cache cache
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
func (w *writer) run(q *groupcommit.Queue) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	var batch []*groupcommit.Request
	var results []error
	for {
		select {
		case first, ok := <-q.Requests():
			if !ok {
				return
			}
			batch = q.Gather(batch[:0], first, batchLimits)
			results = w.write(batch, results[:0])
			for i, r := range batch {
				r.Complete(results[i])
			}
			clear(batch)
			// The callers run first, so that what they commit next comes into the
			// next batch and not the one after it.
			runtime.Gosched()
		case <-tick.C:
			w.checkFiles()
			if w.filesErr == nil {
				w.sweep()
			}
		}
	}
}

// checkFiles finds out whether the names still stand for the open files.
func (w *writer) checkFiles() {
	err := w.files.check()
	switch {
	case err != nil && w.filesErr == nil:
		w.logger.Error("nothing is written any more", "error", err)
	case err == nil && w.filesErr != nil:
		w.logger.Info("the state file is back: it is written again")
	}
	w.filesErr = err
}

// write puts a batch into one transaction and returns the result of each request
// after the sync, also of those that conflict: what they conflict with may be in
// the same transaction. When the store fails, nothing of the batch is applied.
func (w *writer) write(batch []*groupcommit.Request, results []error) []error {
	err := w.filesErr
	if err == nil {
		results, err = w.transaction(batch, results)
		if err == nil {
			return results
		}
		w.abandon()
	}
	err = fmt.Errorf("sqlite: commit: %w: %w", state.ErrUnavailable, err)
	results = results[:0]
	for range batch {
		results = append(results, err)
	}
	return results
}

func (w *writer) transaction(batch []*groupcommit.Request, results []error) ([]error, error) {
	if err := w.begin.run(); err != nil {
		return results, err
	}
	w.cache.trim()
	now := w.now()
	for _, r := range batch {
		failed, err := w.firstConflict(r.Ops, now)
		if err != nil {
			return results, err
		}
		if failed >= 0 {
			results = append(results, &state.ConflictError{Index: failed, Op: r.Ops[failed]})
			continue
		}
		for i := range r.Ops {
			if err := w.apply(&r.Ops[i], now); err != nil {
				return results, err
			}
		}
		results = append(results, nil)
	}
	for _, r := range w.batched() {
		if err := r.flush(); err != nil {
			return results, err
		}
	}
	return results, w.commit.run()
}

// batched returns the rows that wait for the end of a transaction. Their order does
// not matter: the same member is never pending for both adding and removing.
func (w *writer) batched() []*rows {
	return []*rows{w.records.put, w.journals.add, w.sets.add, w.sets.del}
}

// abandon ends a transaction that failed. After some failures (disk full, I/O)
// SQLite has rolled back by itself and ROLLBACK fails, so its error is ignored.
func (w *writer) abandon() {
	_ = w.rollback.run()
	for _, r := range w.batched() {
		r.discard()
	}
	w.cache.reset()
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
